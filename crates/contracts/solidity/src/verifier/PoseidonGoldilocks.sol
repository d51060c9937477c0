// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {P} from "./Goldilocks.sol";

// Three elements of the state share a word, 80 bits to each: a row of the matrix over lanes below 2^65 stays below 2^74.
uint256 constant LANE = 0xffffffffffffffffffff;
// the lower 64 bits of each lane, and the 16 above them
uint256 constant LANES_LOW = 0xffffffffffffffff0000ffffffffffffffff0000ffffffffffffffff;
uint256 constant LANES_HIGH = 0xffff0000000000000000ffff0000000000000000ffff;

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
        uint256[4] memory state;
        for (uint256 i = 0; i < 8; i++) {
            if (e[i] >= P) revert NotCanonical(i, e[i]);
            state[i / 3] |= e[i] << (80 * (i % 3));
        }
        permute(state);
        uint256 a = state[0];
        digest = bytes32(
            ((a & LANE) % P << 192) | (((a >> 80) & LANE) % P << 128) | ((a >> 160) % P << 64) | (state[1] & LANE) % P
        );
    }

    /// @notice Applies the permutation in place.
    /// @param state Twelve elements, three to a word: s_3k + s_{3k+1} 2^80 + s_{3k+2} 2^160; below p before, below 2^65
    /// and not reduced after.
    function permute(uint256[4] memory state) internal pure {
        unchecked {
            uint256 rc = roundConstants();
            uint256 s;
            assembly ("memory-safe") {
                s := state
            }
            // the constants of the first round; those of round r + 1 are added by the matrix layer of round r
            addConstants(s, rc);
            uint256 last = rc + 128 * FULL_ROUNDS_HALF;
            while (rc < last) {
                rc += 128;
                _sboxes(s);
                matrixLayer(s, rc);
            }
            last += 128 * PARTIAL_ROUNDS;
            while (rc < last) {
                rc += 128;
                _firstSbox(s);
                matrixLayer(s, rc);
            }
            last += 128 * FULL_ROUNDS_HALF;
            while (rc < last) {
                rc += 128;
                _sboxes(s);
                matrixLayer(s, rc);
            }
        }
    }

    /// @notice Adds the round constants at `rc` to the state at `s`, lane by lane.
    function addConstants(uint256 s, uint256 rc) internal pure {
        assembly ("memory-safe") {
            mstore(s, add(mload(s), mload(rc)))
            mstore(add(s, 32), add(mload(add(s, 32)), mload(add(rc, 32))))
            mstore(add(s, 64), add(mload(add(s, 64)), mload(add(rc, 64))))
            mstore(add(s, 96), add(mload(add(s, 96)), mload(add(rc, 96))))
        }
    }

    /// x^7 on all twelve lanes, below p after; x^3 is not reduced, below 2^129.
    function _sboxes(uint256 s) private pure {
        assembly ("memory-safe") {
            for { let end := add(s, 128) } lt(s, end) { s := add(s, 32) } {
                let w := mload(s)
                let x := and(w, LANE)
                let x2 := mulmod(x, x, P)
                let r := mulmod(mul(x, x2), mulmod(x2, x2, P), P)
                x := and(shr(80, w), LANE)
                x2 := mulmod(x, x, P)
                r := or(r, shl(80, mulmod(mul(x, x2), mulmod(x2, x2, P), P)))
                x := shr(160, w)
                x2 := mulmod(x, x, P)
                mstore(s, or(r, shl(160, mulmod(mul(x, x2), mulmod(x2, x2, P), P))))
            }
        }
    }

    /// x^7 on the first lane.
    function _firstSbox(uint256 s) private pure {
        assembly ("memory-safe") {
            let w := mload(s)
            let x := and(w, LANE)
            let x2 := mulmod(x, x, P)
            mstore(s, add(sub(w, x), mulmod(mul(x, x2), mulmod(x2, x2, P), P)))
        }
    }

    /// @notice Replaces the state at `s` by M s + c.
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
    /// twelve products and a constant, not negative and below 2^74. Bits from 240 upwards have remains of windows, and are
    /// cut off. Then a lane l + 2^64 h, h below 2^10, becomes l + (2^32 - 1) h, which is the same modulo p and below
    /// 2^64 + 2^42.
    /// @param s Memory address of twelve lanes in four words, each lane below 2^65 before and after.
    /// @param rc Memory address of the twelve constants in four words.
    function matrixLayer(uint256 s, uint256 rc) internal pure {
        assembly ("memory-safe") {
            let a0 := mload(s)
            let a1 := mload(add(s, 32))
            let a2 := mload(add(s, 64))
            let a3 := mload(add(s, 96))
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
            a0 := add(add(add(add(y, w), g), shl(3, and(a0, LANE))), mload(rc))
            a2 := add(sub(add(y, w), g), mload(add(rc, 64)))
            a1 := add(add(sub(y, w), h), mload(add(rc, 32)))
            a3 := add(sub(sub(y, w), h), mload(add(rc, 96)))
            mstore(s, add(and(a0, LANES_LOW), mul(and(shr(64, a0), LANES_HIGH), 0xffffffff)))
            mstore(add(s, 32), add(and(a1, LANES_LOW), mul(and(shr(64, a1), LANES_HIGH), 0xffffffff)))
            mstore(add(s, 64), add(and(a2, LANES_LOW), mul(and(shr(64, a2), LANES_HIGH), 0xffffffff)))
            mstore(add(s, 96), add(and(a3, LANES_LOW), mul(and(shr(64, a3), LANES_HIGH), 0xffffffff)))
        }
    }

    /// @notice Writes the round constants to new memory: 30 rounds of twelve, then twelve zeros, in the lanes of
    /// `matrixLayer`, four words to a round.
    /// @return slot Address of the first.
    function roundConstants() internal pure returns (uint256 slot) {
        bytes memory table = hex"00000000b2fb0d31cee799b400007746a55f43921ad70000b585f766f2144405"
            hex"000000008cae14cb07d09bf10000e10d666650f4e01200000f6760a4803427d7"
            hex"00000000cdc4a239b0c444260000ef781c7ce35b4c3d0000d438539c95f63e9f"
            hex"00000000c54302f225db2c760000e17653a29da578a10000277fa208bf337bff"
            hex"00000000c3b919ad495dc574000059cd1a8a41c18e55000086287821f722c881"
            hex"000000006e4a40c18f30c09c0000308bbd23dc5416cc0000a484c4c5ef6a0781"
            hex"00000000d5c7718fbfc647fb0000e360c6e0ae486f3800009a2eedb70d8f8cfa"
            hex"00000000c0572c8c08cbbbad0000849c2656969c4be70000c35eae071903ff0b"
            hex"00000000f7d713e8063911650000f56f6d48959a600d0000e9fa634a21de0082"
            hex"00000000ac51d9f5fcf8535e0000ad6805e0e30b2c8a00008297132b32825daf"
            hex"0000000066bbd30e6ce0e583000057a1550c110b30410000502ad7dc18c2ad87"
            hex"0000000028b8ec3ae9c296330000f061274fdb150d6100000da2abef589d644e"
            hex"00000000019d5ee2af82ec1c000070e741ebfee96586000092a756e67e2b9413"
            hex"0000000061df517b86a4643900007cf416cfe7e14ca100006f6f2ed772466352"
            hex"00000000e8be3e5da8043e5700004b959b48b9c10733000085dc499b11d77b75"
            hex"00000000a637093ecb2ad631000040b12cbf09ef74bf0000f5c0bc1de6da8699"
            hex"000000006f49de07a623434600002e479dc157bf31bb00003cc3f892184df408"
            hex"00000000a2de45780344d6a100005b0431345d4dea830000213ce7bede378d7b"
            hex"00000000a9ceb74fec02474700005326fc0d9727930100007103aaf94a7bf308"
            hex"00000000fac6ff1346a416750000fceb4fda1ded0893000027f8ec88bb21b1a3"
            hex"00000000ad535b24afc26bfb00009351036095630f9f00007131aa45268d7d8c"
            hex"00000000241c70ed0af616170000645cf794b8f1cc5800004627f5c6993e44be"
            hex"00000000e7ea5e33e75fffb600003737e9db4c4f474d0000acb8e076647905f1"
            hex"000000000b65481ba645c6020000d1b1edf76bc09c92000090dee49fc9bfc23a"
            hex"00000000b60de3bcc5ea751c0000438a7c91d416ca4d000099ad1aab0814283b"
            hex"000000005e7b329c1ed4ad71000069a5ed92a72ee4ff0000c99cab6aef6f58bc"
            hex"000000000ade699c5830f310000032db829239774eca00005fc0ac0800144885"
            hex"000000006604df4fee32bcb1000085df9ed2e166d64f00007cc5583b10415f21"
            hex"000000008f97fe408061f1830000da608834c40e603d0000eb84f608da56ef48"
            hex"00000000cee3e9ac1e07211900006704e8ee8f18d5630000a93f485c96f37b89"
            hex"000000000b508cdeffa5ceef0000f6323f486b9038f00000510d0e65e2b470c1"
            hex"00000000a6217d8bf660f29c000060e75c2890d157300000f2417089e4fb3cbd"
            hex"000000000d3f3e5e82920adc0000839b4e8fafead54000007159cd30c3ac118e"
            hex"00000000eb915845f3de16340000780f2243ea071d0600008f7d83bddee7bba8"
            hex"00000000cb5fd54e7933e4770000016ee53a7e5fecc60000d19e120d26b6f386"
            hex"000000005d693c1ba3ba362100009c22190be7f747320000acb8417879fd449f"
            hex"00000000e273fd971bc8d0e700003d639263da827b130000dcef0797c2b69ec7"
            hex"000000002cbaed4daec8c07c00008c25fda3b503038c0000418f02702d227ed5"
            hex"00000000635b337ee819dab50000284650ac5e1b0eba00005f58e6afcdd6ddc2"
            hex"00000000b0a7eae879ddb76d0000b93e260cae5c170e00009f9a036ed4f2d49f"
            hex"0000000040bf0ab5fa14c112000034c6efb812b04bf50000d0762cbc8ca6570c"
            hex"00000000b1a5b165b6d2b2d200005a27b9002de334540000b6b570fc7c5740d3"
            hex"0000000014a726661551e2840000788ee3b37e5680fb00008722e0ace9d1be22"
            hex"0000000028fd3b046380f8500000bb93ae776bb30e3a000098b7672f9ef3b419"
            hex"00000000d5eca244c7a4ff1d0000337dc00c61bd9ce1000030a4680593258387"
            hex"000000000299351a53b8ec220000c1e434bedeefd76700007762638264d279bd"
            hex"000000002972a92ba450bed800003e9ed1fda49cea0b0000b2d456e4ad251b80"
            hex"000000001c4dbb1c4c27d2430000adffe8cf28449ec6000020216dd77be493de"
            hex"000000002300e5d6baedf0fb0000388a128b7fd9a609000015a16a8a8322d458"
            hex"0000000027181125183970c90000f1c36ce86ecec26900002f63aa8647e15104"
            hex"00000000ea35bc29692af6f800004d9bbc3e02f1cfb20000e584029370dca96d"
            hex"0000000025d64362697828fd00001e3b9fc625b554f4000018e21b4beabb4137"
            hex"00000000b462065911d4e1fc0000db7f023869fb8d3800005a3f1bb1c53a9645"
            hex"00000000aadd1106730d8feb0000d793862c112b0566000049c24ae4437d8030"
            hex"000000005e50c27535b88c660000e29024c18ee6fca20000c43b6e0e97b0d568"
            hex"00000000dd5118375bf1a9b9000038e8ee9d71a45af8000010383f20a4ff9a87"
            hex"00000000b1204f603f51c080000086ab99b4dde6c8b00000775005982d74d7f7"
            hex"000000000cd1dabd964db55700001bbcd90f132c603f0000ef61ac8470250ecf"
            hex"00000000a3b83250268ea4d70000f755bfeea585d11d000011a3ae5beb9d1ec9"
            hex"0000000064bb6dec369d44180000ddb4ac49c9efa1da0000516306f4927c93af"
            hex"00000000eec49b613478675b000008d37f755f4ae9f60000f9cc95c22b4c1fcc"
            hex"00000000e7ad7756f193198e0000e4c5dd8255dfc6220000f143933aed25e0b0"
            hex"000000005636cac9f16dfed00000739c25f8fd73596d000092c2318b87fff9cb"
            hex"000000008ad97b33f1ac14550000c6401fe115063f5b0000dd8f909a938e0172"
            hex"00000000530fb67ea1809a8100000784d3d2f169830900000c49366bb25e8513"
            hex"000000009cb0bd5ea1a1115e0000139542347424b9ac0000410492299bb01f49"
            hex"00000000775b9feafdcd26e70000985d4f4a9c5291ef000002e3f615c38f49a1"
            hex"000000004f0a2e5fb028f2ce0000593664c39773012c0000304265a6384f0f2d"
            hex"00000000ef87139ca9a3ab1e0000d8185f9adfea4fd00000dd611f1000c17442"
            hex"00000000660d32e13018268400007d3a455d56b7023800003ba71336c34ee133"
            hex"00000000549f80ce550c4fd3000090e0a736a751ebb70000297a863f48cd1f43"
            hex"000000006d1f5a59005bec17000016bf1f73fb7a9c3f00000f73b2922f38bd64"
            hex"000000008470f39d2d5c900e0000c5cb72a2a51159b0000002ff876fa5ef97c4"
            hex"00000000d687ba55c64f6364000023eb8cc9b372442f000025abb3f1d39fcb76"
            hex"00000000b9a8c9b3aee522970000e3cbdc7d2fe45ea70000da8d9e90fd8ff158"
            hex"00000000eeb76e397069e804000045d7ac9b68f71a340000c0d28a5c10960bd3"
            hex"0000000065700b51aedfb5ef00009c9c98207cb1076700003d06c8bd1514e2d9"
            hex"000000003bb340eba06afe7e00007ae6849fbc3a0ec60000911f451539869408"
            hex"0000000077bdaeda586257a700008dcf22f9a3b343560000b46e9d8b682ea65e"
            hex"000000009ef1cd60e679f2840000c368a348e46d950f0000f19e400a5104d20d"
            hex"00000000a7b0fb7883eee86000005cd377dc8bb882a20000e89cd854d5d01d33"
            hex"000000008df57ac11bc0483100005fa3f06f4fed3b5200007684403ec392950d"
            hex"00000000ba6745385893c784000054846de4aadb9ca200002db01efa1e1e1897"
            hex"00000000dfe89923f6c9c2ff0000e909678474e687fe0000541d496344d2c75b"
            hex"0000000083e894191896461500005ff98fd5d51fe6100000ece5a71e0cfedc75"
            hex"000000005080d4c2b86f56d70000f97d750e3dd9452100005922040b47f150c1"
            hex"00000000f7856ef7f9173e4400006a9242ac875381940000a7de115b56c78d70"
            hex"000000009001a64209f21db8000017dfc8e4f7ba8a5700002265fc92feb0dc09"
            hex"00000000a0b1df81b6fe59fc0000b932b7cf752e5545000090004c1371b893c5"
            hex"000000009e61106178bfc53000000541a4f9cfbeed3500008ef1dd26770af2c2"
            hex"0000000031d191cd5c1466c700000098d5782065af060000b3767e80935d8af2"
            hex"000000009e8cd55b57637ed00000bdf8f242e316c4ab0000410fefafa319ac9d"
            hex"00000000ca6637000eb4a9f800004d001fd58f0025260000de122bebe9a39368"
            hex"00000000df9a4939342308e900006d1a7918c80df51800002f2339d624f91f78"
            hex"00000000d341d037e840cf83000003cc2ba8a11165150000ebc2151ee6c8398c"
            hex"000000007248fe7705f38e470000bba2515f22909e870000387cb5d25af4afcc"
            hex"0000000059e89b094d220ec20000262e963c8da05d3d00004d61e56a525d225a"
            hex"00000000d30094ca96b7ce7b000082b27eb33514ef990000055d5b52b78b9c5e"
            hex"0000000041703f53753be59f0000feed4db6919e5a7c0000cf5cb381cd0a1535"
            hex"000000004a20358574454ec000004cd1f1b17510020600005eeea940fcde8b6f"
            hex"00000000296a202ed8e556a200006f02dc07d141875c00001478d361dbbf9fac"
            hex"000000006798ba0c0abb2c6d00007acfd96efa95491d00002afd67999bf32ee5"
            hex"0000000020057d2a0056521b00005736e1bad206b5de000034c6f57b26c92122"
            hex"0000000029bff3ecb9b7a6e3000016e50d897d4634ac00003dea5bd5d0578bd7"
            hex"00000000023e7414af663068000018a42105c31b7e880000475cd3205a3bdcde"
            hex"0000000001a8d1a5880857370000e4a3dff1d7d6fef9000015147108121967d7"
            hex"000000001ff7327017aa2a6e0000e587cc0d69a73346000011b4c74eda62beef"
            hex"00000000c02ac5e47312d3ca0000f6f31db1899b12d50000594e29c42473d06b"
            hex"0000000042747a7245e7fa8400006f90ff3b6a65f1080000e70201e960cb78b8"
            hex"000000003996ce73dd832c1c00001c86d265f15750cd0000d1f507e43ab749b2"
            hex"000000009e9cbd781628fc5b0000ba0dec7103255dd400008e7fba02983224bd"
            hex"00000000a49229d24d0143430000debe0853b1a1d3780000dae8645996edd6a5"
            hex"000000000230bca8f4df05440000a3c95eaec244aa3000007be5b9ffda905e1c"
            hex"000000003762b59a8ae83efa0000166fc0cc438a3c7200004135c2bebfe148c6"
            hex"0000000080cefd2b7d99ff8300002a440b51a4945ee50000e8928a4c89114750"
            hex"00000000164bb2de1bbeddc800006e7c8f1a842650340000bb9879c6e61fd62a"
            hex"00000000551f5b0fbe7b1840000040b9e922ed9771e20000f3c12fe54d5c653b"
            hex"000000008ffd96bbf9c9c81d0000aaed34074b164346000025032aa7c4cb1811"
            hex"000000004543d9df5476d3cb00007f795e2a5f915440000070fc91eb5937085c"
            hex"00000000bc8dfb627fe558fc0000dfd1c4febcc812380000f172d73e004fc90d"
            hex"0000000000000000000000000000000000000000000000000000000000000000"
            hex"0000000000000000000000000000000000000000000000000000000000000000"
            hex"0000000000000000000000000000000000000000000000000000000000000000"
            hex"0000000000000000000000000000000000000000000000000000000000000000";
        assembly ("memory-safe") {
            slot := add(table, 32)
        }
    }
}
