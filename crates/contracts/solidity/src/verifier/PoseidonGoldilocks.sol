// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {M64, P} from "./Goldilocks.sol";

// Three matrix rows share a word, 80 bits to a row: a row sum of twelve field elements stays below 2^73.
uint256 constant LANE = 0xffffffffffffffffffff;

/// @title Poseidon over Goldilocks, width 12
/// @notice The permutation and the one-block hash of plonky2 (`PoseidonHash::hash_no_pad` of eight elements): rate 8,
/// capacity 4, 4 + 22 + 4 rounds, S-box x^7. Partial rounds are computed in the plain form (one S-box, then the dense
/// matrix), which is the same map as plonky2's sparse form and needs half of the constants.
library PoseidonGoldilocks {
    /// An input is not below p, so it is not the canonical encoding of a field element.
    error NotCanonical(uint256 index, uint256 value);

    uint256 internal constant FULL_ROUNDS_HALF = 4;
    uint256 internal constant PARTIAL_ROUNDS = 22;

    /// @notice Hash of eight field elements in one permutation.
    /// @param e The elements, each below p.
    /// @return digest Four field elements, each as eight bytes in big-endian order.
    function hash8(uint256[8] memory e) internal pure returns (bytes32 digest) {
        uint256[12] memory state;
        for (uint256 i = 0; i < 8; i++) {
            if (e[i] >= P) revert NotCanonical(i, e[i]);
            state[i] = e[i];
        }
        permute(state);
        digest = bytes32((state[0] << 192) | (state[1] << 128) | (state[2] << 64) | state[3]);
    }

    /// @notice Applies the permutation in place.
    /// @param state Twelve field elements, each below p before and after.
    function permute(uint256[12] memory state) internal pure {
        uint256 rc = roundConstants();
        uint256 s;
        assembly ("memory-safe") {
            s := state
            // the constants of the first round; those of round r + 1 are added by the matrix layer of round r
            for { let i := 0 } lt(i, 12) { i := add(i, 1) } {
                let slot := add(s, shl(5, i))
                mstore(slot, add(mload(slot), shr(192, mload(add(rc, shl(3, i))))))
            }
        }
        uint256 lastPartial = FULL_ROUNDS_HALF + PARTIAL_ROUNDS;
        for (uint256 round = 0; round < lastPartial + FULL_ROUNDS_HALF; round++) {
            rc += 96;
            sbox(s, round < FULL_ROUNDS_HALF || round >= lastPartial ? 12 : 1);
            mdsThenAdd(s, rc);
        }
    }

    /// @notice x^7 on the first `count` words at `s`; words of up to 256 bits in, canonical elements out.
    function sbox(uint256 s, uint256 count) internal pure {
        assembly ("memory-safe") {
            for { let end := add(s, shl(5, count)) } lt(s, end) { s := add(s, 32) } {
                let x := mload(s)
                let x2 := mulmod(x, x, P)
                mstore(s, mulmod(mulmod(x, x2, P), mulmod(x2, x2, P), P))
            }
        }
    }

    /// @notice Replaces the twelve words at `s` by M s + c, reduced below p.
    /// M = circulant(17, 15, 41, 16, 2, 28, 13, 13, 39, 18, 34, 20) + diagonal(8, 0, ...): row r, column j has
    /// c[(j - r) mod 12].
    ///
    /// With windows x_m = s_m + s_{m+1} 2^80 + s_{m+2} 2^160 (indices mod 12), rows 3k, 3k + 1, 3k + 2 are the lanes of
    ///   out_k = sum_{t<3} sum_{r<4} d_{(r - k) mod 4} X_r,   X_r = x_{3r+t},  d_r = c[3r + t],
    /// for each t a correlation of length 4. It splits by z^4 - 1 = (z - 1)(z + 1)(z^2 + 1): with
    ///   u = X_0 + X_2,  v = X_1 + X_3,  p = X_0 - X_2,  q = X_1 - X_3,
    ///   e = (d_0 + d_1 + d_2 + d_3) / 4,  f = (d_0 - d_1 + d_2 - d_3) / 4,  g = (d_0 - d_2) / 2,  h = (d_1 - d_3) / 2,
    ///   Y = sum e (u + v),  W = sum f (u - v),  G = sum (g p + h q),  H = sum (g q - h p)  over t,
    /// it is out_0 = Y + W + G, out_1 = Y - W + H, out_2 = Y + W - G, out_3 = Y - W - H, where (e, f, g, h) is
    /// (16, -1, 2, -1), (16, -2, 1, -16) and (32, 8, 1, 4).
    /// All of it is linear modulo 2^256, so lanes may borrow from each other until the end, where every row is a sum of
    /// twelve products, not negative and below 2^73. Bits from 240 upwards have remains of windows, and are cut off.
    /// @param s Memory address of twelve words, each below 2^64.
    /// @param rc Memory address of twelve constants of eight bytes.
    function mdsThenAdd(uint256 s, uint256 rc) internal pure {
        assembly ("memory-safe") {
            let a0 := or(or(mload(s), shl(80, mload(add(s, 32)))), shl(160, mload(add(s, 64))))
            let a1 := or(or(mload(add(s, 96)), shl(80, mload(add(s, 128)))), shl(160, mload(add(s, 160))))
            let a2 := or(or(mload(add(s, 192)), shl(80, mload(add(s, 224)))), shl(160, mload(add(s, 256))))
            let a3 := or(or(mload(add(s, 288)), shl(80, mload(add(s, 320)))), shl(160, mload(add(s, 352))))
            let y := add(a0, a2)
            let w := add(a1, a3)
            let g := sub(a0, a2)
            let h := sub(a1, a3)
            // t = 0: y = u + v, w = v - u, g = 2 p - q, h = 2 q + p
            {
                let u := y
                y := add(u, w)
                w := sub(w, u)
                u := g
                g := sub(shl(1, u), h)
                h := add(shl(1, h), u)
            }
            // t = 1: y += u + v, w += 2 (v - u), g += p - 16 q, h += q + 16 p
            {
                let u := or(shr(80, a0), shl(160, a1))
                let p := or(shr(80, a2), shl(160, a3))
                let v := or(shr(80, a1), shl(160, a2))
                let q := or(shr(80, a3), shl(160, a0))
                y := add(y, add(add(u, p), add(v, q)))
                w := add(w, shl(1, sub(add(v, q), add(u, p))))
                p := sub(u, p)
                q := sub(v, q)
                g := add(g, sub(p, shl(4, q)))
                h := add(h, add(q, shl(4, p)))
            }
            // t = 2: y += 2 (u + v), w += 8 (u - v), g += p + 4 q, h += q - 4 p; then y times 16
            {
                let u := or(shr(160, a0), shl(80, a1))
                let p := or(shr(160, a2), shl(80, a3))
                let v := or(shr(160, a1), shl(80, a2))
                let q := or(shr(160, a3), shl(80, a0))
                y := shl(4, add(y, shl(1, add(add(u, p), add(v, q)))))
                w := add(w, shl(3, sub(add(u, p), add(v, q))))
                p := sub(u, p)
                q := sub(v, q)
                g := add(g, add(p, shl(2, q)))
                h := add(h, sub(q, shl(2, p)))
            }
            // rows 0..2 and 6..8, then 3..5 and 9..11
            a0 := add(add(add(y, w), g), shl(3, mload(s)))
            a2 := sub(add(y, w), g)
            a1 := add(sub(y, w), h)
            a3 := sub(sub(y, w), h)
            // out[i] = lane i + c[i] mod p
            y := mload(rc)
            mstore(s, mod(add(and(a0, LANE), shr(192, y)), P))
            mstore(add(s, 32), mod(add(and(shr(80, a0), LANE), and(shr(128, y), M64)), P))
            mstore(add(s, 64), mod(add(and(shr(160, a0), LANE), and(shr(64, y), M64)), P))
            mstore(add(s, 96), mod(add(and(a1, LANE), and(y, M64)), P))
            y := mload(add(rc, 32))
            mstore(add(s, 128), mod(add(and(shr(80, a1), LANE), shr(192, y)), P))
            mstore(add(s, 160), mod(add(and(shr(160, a1), LANE), and(shr(128, y), M64)), P))
            mstore(add(s, 192), mod(add(and(a2, LANE), and(shr(64, y), M64)), P))
            mstore(add(s, 224), mod(add(and(shr(80, a2), LANE), and(y, M64)), P))
            y := mload(add(rc, 64))
            mstore(add(s, 256), mod(add(and(shr(160, a2), LANE), shr(192, y)), P))
            mstore(add(s, 288), mod(add(and(a3, LANE), and(shr(128, y), M64)), P))
            mstore(add(s, 320), mod(add(and(shr(80, a3), LANE), and(shr(64, y), M64)), P))
            mstore(add(s, 352), mod(add(and(shr(160, a3), LANE), and(y, M64)), P))
        }
    }

    /// @notice Writes the round constants to new memory: 30 rounds of twelve, then twelve zeros.
    /// @return slot Address of the first; each has eight bytes in big-endian order.
    function roundConstants() internal pure returns (uint256 slot) {
        bytes memory table = hex"b585f766f21444057746a55f43921ad7b2fb0d31cee799b40f6760a4803427d7e10d666650f4e0128cae14cb07d09bf1"
            hex"d438539c95f63e9fef781c7ce35b4c3dcdc4a239b0c44426277fa208bf337bffe17653a29da578a1c54302f225db2c76"
            hex"86287821f722c88159cd1a8a41c18e55c3b919ad495dc574a484c4c5ef6a0781308bbd23dc5416cc6e4a40c18f30c09c"
            hex"9a2eedb70d8f8cfae360c6e0ae486f38d5c7718fbfc647fbc35eae071903ff0b849c2656969c4be7c0572c8c08cbbbad"
            hex"e9fa634a21de0082f56f6d48959a600df7d713e8063911658297132b32825dafad6805e0e30b2c8aac51d9f5fcf8535e"
            hex"502ad7dc18c2ad8757a1550c110b304166bbd30e6ce0e5830da2abef589d644ef061274fdb150d6128b8ec3ae9c29633"
            hex"92a756e67e2b941370e741ebfee96586019d5ee2af82ec1c6f6f2ed7724663527cf416cfe7e14ca161df517b86a46439"
            hex"85dc499b11d77b754b959b48b9c10733e8be3e5da8043e57f5c0bc1de6da869940b12cbf09ef74bfa637093ecb2ad631"
            hex"3cc3f892184df4082e479dc157bf31bb6f49de07a6234346213ce7bede378d7b5b0431345d4dea83a2de45780344d6a1"
            hex"7103aaf94a7bf3085326fc0d97279301a9ceb74fec02474727f8ec88bb21b1a3fceb4fda1ded0893fac6ff1346a41675"
            hex"7131aa45268d7d8c9351036095630f9fad535b24afc26bfb4627f5c6993e44be645cf794b8f1cc58241c70ed0af61617"
            hex"acb8e076647905f13737e9db4c4f474de7ea5e33e75fffb690dee49fc9bfc23ad1b1edf76bc09c920b65481ba645c602"
            hex"99ad1aab0814283b438a7c91d416ca4db60de3bcc5ea751cc99cab6aef6f58bc69a5ed92a72ee4ff5e7b329c1ed4ad71"
            hex"5fc0ac080014488532db829239774eca0ade699c5830f3107cc5583b10415f2185df9ed2e166d64f6604df4fee32bcb1"
            hex"eb84f608da56ef48da608834c40e603d8f97fe408061f183a93f485c96f37b896704e8ee8f18d563cee3e9ac1e072119"
            hex"510d0e65e2b470c1f6323f486b9038f00b508cdeffa5ceeff2417089e4fb3cbd60e75c2890d15730a6217d8bf660f29c"
            hex"7159cd30c3ac118e839b4e8fafead5400d3f3e5e82920adc8f7d83bddee7bba8780f2243ea071d06eb915845f3de1634"
            hex"d19e120d26b6f386016ee53a7e5fecc6cb5fd54e7933e477acb8417879fd449f9c22190be7f747325d693c1ba3ba3621"
            hex"dcef0797c2b69ec73d639263da827b13e273fd971bc8d0e7418f02702d227ed58c25fda3b503038c2cbaed4daec8c07c"
            hex"5f58e6afcdd6ddc2284650ac5e1b0eba635b337ee819dab59f9a036ed4f2d49fb93e260cae5c170eb0a7eae879ddb76d"
            hex"d0762cbc8ca6570c34c6efb812b04bf540bf0ab5fa14c112b6b570fc7c5740d35a27b9002de33454b1a5b165b6d2b2d2"
            hex"8722e0ace9d1be22788ee3b37e5680fb14a726661551e28498b7672f9ef3b419bb93ae776bb30e3a28fd3b046380f850"
            hex"30a4680593258387337dc00c61bd9ce1d5eca244c7a4ff1d7762638264d279bdc1e434bedeefd7670299351a53b8ec22"
            hex"b2d456e4ad251b803e9ed1fda49cea0b2972a92ba450bed820216dd77be493deadffe8cf28449ec61c4dbb1c4c27d243"
            hex"15a16a8a8322d458388a128b7fd9a6092300e5d6baedf0fb2f63aa8647e15104f1c36ce86ecec26927181125183970c9"
            hex"e584029370dca96d4d9bbc3e02f1cfb2ea35bc29692af6f818e21b4beabb41371e3b9fc625b554f425d64362697828fd"
            hex"5a3f1bb1c53a9645db7f023869fb8d38b462065911d4e1fc49c24ae4437d8030d793862c112b0566aadd1106730d8feb"
            hex"c43b6e0e97b0d568e29024c18ee6fca25e50c27535b88c6610383f20a4ff9a8738e8ee9d71a45af8dd5118375bf1a9b9"
            hex"775005982d74d7f786ab99b4dde6c8b0b1204f603f51c080ef61ac8470250ecf1bbcd90f132c603f0cd1dabd964db557"
            hex"11a3ae5beb9d1ec9f755bfeea585d11da3b83250268ea4d7516306f4927c93afddb4ac49c9efa1da64bb6dec369d4418"
            hex"f9cc95c22b4c1fcc08d37f755f4ae9f6eec49b613478675bf143933aed25e0b0e4c5dd8255dfc622e7ad7756f193198e"
            hex"92c2318b87fff9cb739c25f8fd73596d5636cac9f16dfed0dd8f909a938e0172c6401fe115063f5b8ad97b33f1ac1455"
            hex"0c49366bb25e85130784d3d2f1698309530fb67ea1809a81410492299bb01f49139542347424b9ac9cb0bd5ea1a1115e"
            hex"02e3f615c38f49a1985d4f4a9c5291ef775b9feafdcd26e7304265a6384f0f2d593664c39773012c4f0a2e5fb028f2ce"
            hex"dd611f1000c17442d8185f9adfea4fd0ef87139ca9a3ab1e3ba71336c34ee1337d3a455d56b70238660d32e130182684"
            hex"297a863f48cd1f4390e0a736a751ebb7549f80ce550c4fd30f73b2922f38bd6416bf1f73fb7a9c3f6d1f5a59005bec17"
            hex"02ff876fa5ef97c4c5cb72a2a51159b08470f39d2d5c900e25abb3f1d39fcb7623eb8cc9b372442fd687ba55c64f6364"
            hex"da8d9e90fd8ff158e3cbdc7d2fe45ea7b9a8c9b3aee52297c0d28a5c10960bd345d7ac9b68f71a34eeb76e397069e804"
            hex"3d06c8bd1514e2d99c9c98207cb1076765700b51aedfb5ef911f4515398694087ae6849fbc3a0ec63bb340eba06afe7e"
            hex"b46e9d8b682ea65e8dcf22f9a3b3435677bdaeda586257a7f19e400a5104d20dc368a348e46d950f9ef1cd60e679f284"
            hex"e89cd854d5d01d335cd377dc8bb882a2a7b0fb7883eee8607684403ec392950d5fa3f06f4fed3b528df57ac11bc04831"
            hex"2db01efa1e1e189754846de4aadb9ca2ba6745385893c784541d496344d2c75be909678474e687fedfe89923f6c9c2ff"
            hex"ece5a71e0cfedc755ff98fd5d51fe61083e89419189646155922040b47f150c1f97d750e3dd945215080d4c2b86f56d7"
            hex"a7de115b56c78d706a9242ac87538194f7856ef7f9173e442265fc92feb0dc0917dfc8e4f7ba8a579001a64209f21db8"
            hex"90004c1371b893c5b932b7cf752e5545a0b1df81b6fe59fc8ef1dd26770af2c20541a4f9cfbeed359e61106178bfc530"
            hex"b3767e80935d8af20098d5782065af0631d191cd5c1466c7410fefafa319ac9dbdf8f242e316c4ab9e8cd55b57637ed0"
            hex"de122bebe9a393684d001fd58f002526ca6637000eb4a9f82f2339d624f91f786d1a7918c80df518df9a4939342308e9"
            hex"ebc2151ee6c8398c03cc2ba8a1116515d341d037e840cf83387cb5d25af4afccbba2515f22909e877248fe7705f38e47"
            hex"4d61e56a525d225a262e963c8da05d3d59e89b094d220ec2055d5b52b78b9c5e82b27eb33514ef99d30094ca96b7ce7b"
            hex"cf5cb381cd0a1535feed4db6919e5a7c41703f53753be59f5eeea940fcde8b6f4cd1f1b1751002064a20358574454ec0"
            hex"1478d361dbbf9fac6f02dc07d141875c296a202ed8e556a22afd67999bf32ee57acfd96efa95491d6798ba0c0abb2c6d"
            hex"34c6f57b26c921225736e1bad206b5de20057d2a0056521b3dea5bd5d0578bd716e50d897d4634ac29bff3ecb9b7a6e3"
            hex"475cd3205a3bdcde18a42105c31b7e88023e7414af66306815147108121967d7e4a3dff1d7d6fef901a8d1a588085737"
            hex"11b4c74eda62beefe587cc0d69a733461ff7327017aa2a6e594e29c42473d06bf6f31db1899b12d5c02ac5e47312d3ca"
            hex"e70201e960cb78b86f90ff3b6a65f10842747a7245e7fa84d1f507e43ab749b21c86d265f15750cd3996ce73dd832c1c"
            hex"8e7fba02983224bdba0dec7103255dd49e9cbd781628fc5bdae8645996edd6a5debe0853b1a1d378a49229d24d014343"
            hex"7be5b9ffda905e1ca3c95eaec244aa300230bca8f4df05444135c2bebfe148c6166fc0cc438a3c723762b59a8ae83efa"
            hex"e8928a4c891147502a440b51a4945ee580cefd2b7d99ff83bb9879c6e61fd62a6e7c8f1a84265034164bb2de1bbeddc8"
            hex"f3c12fe54d5c653b40b9e922ed9771e2551f5b0fbe7b184025032aa7c4cb1811aaed34074b1643468ffd96bbf9c9c81d"
            hex"70fc91eb5937085c7f795e2a5f9154404543d9df5476d3cbf172d73e004fc90ddfd1c4febcc81238bc8dfb627fe558fc"
            hex"000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
            hex"000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000";
        assembly ("memory-safe") {
            slot := add(table, 32)
        }
    }
}
