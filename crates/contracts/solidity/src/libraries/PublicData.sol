// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Canonical} from "./Canonical.sol";

/// @title The public data `d` of a settlement, its challenge and its value there
/// @notice `d` is 800 limbs of 32 bits, here as 3200 bytes with each limb big-endian:
///         roundId 32 | keySetRoot 32 | features 128 | slots 32 * 48 | claims 32 * 12 | sheets 16 * 68.
///         A sheet is {commit index plus one u32, strategyId 32, sheetCommitment 32}; a missing sheet is all zero.
library PublicData {
    uint256 internal constant SIZE = 3200;
    uint256 internal constant FEATURES_SIZE = 128;
    uint256 internal constant SLOTS_SIZE = 1536;
    uint256 internal constant CLAIMS_SIZE = 384;
    uint256 internal constant SHEETS_SIZE = 1088;
    uint256 internal constant SLOTS = 32;
    uint256 internal constant SHEETS = 16;

    bytes32 internal constant SIGMA_DOMAIN = keccak256("sotto.sigma.v1");

    /// @notice Joins the parts; each has the length above.
    function build(
        bytes32 roundId,
        bytes32 keySetRoot,
        bytes calldata features,
        bytes calldata slots,
        bytes calldata claims,
        bytes memory sheets
    ) internal pure returns (bytes memory) {
        return abi.encodePacked(roundId, keySetRoot, features, slots, claims, sheets);
    }

    /// @notice The challenge, two elements: the first two 8-byte words of a hash over all that fixes the statement.
    function sigma(address auctionHouse, bytes32 roundId, bytes memory d, bytes32 beta)
        internal
        view
        returns (uint256 s0, uint256 s1)
    {
        bytes32 h = keccak256(abi.encodePacked(SIGMA_DOMAIN, block.chainid, auctionHouse, roundId, d, beta));
        s0 = Canonical.element(h, 0) % Canonical.P;
        s1 = Canonical.element(h, 1) % Canonical.P;
    }

    /// @notice The sum of d_i sigma^i over the 800 limbs, in F_p[X]/(X^2 - 7).
    /// @dev A word holds eight limbs, the first in its top bits. With W_k the sum of d_{8k+j} sigma^j over j < 8, the
    ///      result is Horner's rule over W_99, ..., W_0 at sigma^8. No reduction is needed within a word: limbs have
    ///      32 bits and powers 64, so a coordinate of W_k stays below 2^99.
    function evaluate(bytes memory d, uint256 s0, uint256 s1) internal pure returns (uint256 g0, uint256 g1) {
        assert(d.length == SIZE);
        uint256[18] memory powers = _powers(s0, s1);
        // formula per word: (g0, g1) = (g0 * a + 7 * g1 * b, g0 * b + g1 * a) + W_k, with (a, b) = sigma^8
        assembly ("memory-safe") {
            let p := 0xFFFFFFFF00000001
            let a := mload(add(powers, 512))
            let b := mload(add(powers, 544))
            let first := add(d, 32)
            for { let at := add(d, 3200) } iszero(lt(at, first)) { at := sub(at, 32) } {
                let w := mload(at)
                let w0 := shr(224, w)
                let w1 := 0
                let limb := and(shr(192, w), 0xffffffff)
                w0 := add(w0, mul(limb, mload(add(powers, 64))))
                w1 := mul(limb, mload(add(powers, 96)))
                limb := and(shr(160, w), 0xffffffff)
                w0 := add(w0, mul(limb, mload(add(powers, 128))))
                w1 := add(w1, mul(limb, mload(add(powers, 160))))
                limb := and(shr(128, w), 0xffffffff)
                w0 := add(w0, mul(limb, mload(add(powers, 192))))
                w1 := add(w1, mul(limb, mload(add(powers, 224))))
                limb := and(shr(96, w), 0xffffffff)
                w0 := add(w0, mul(limb, mload(add(powers, 256))))
                w1 := add(w1, mul(limb, mload(add(powers, 288))))
                limb := and(shr(64, w), 0xffffffff)
                w0 := add(w0, mul(limb, mload(add(powers, 320))))
                w1 := add(w1, mul(limb, mload(add(powers, 352))))
                limb := and(shr(32, w), 0xffffffff)
                w0 := add(w0, mul(limb, mload(add(powers, 384))))
                w1 := add(w1, mul(limb, mload(add(powers, 416))))
                limb := and(w, 0xffffffff)
                w0 := add(w0, mul(limb, mload(add(powers, 448))))
                w1 := add(w1, mul(limb, mload(add(powers, 480))))
                let t := add(add(mul(g0, a), mul(7, mul(g1, b))), w0)
                g1 := mod(add(add(mul(g0, b), mul(g1, a)), w1), p)
                g0 := mod(t, p)
            }
        }
    }

    /// @dev sigma^0 .. sigma^8, two coordinates each.
    function _powers(uint256 s0, uint256 s1) private pure returns (uint256[18] memory powers) {
        powers[0] = 1;
        for (uint256 i = 2; i < 18; i += 2) {
            uint256 a = powers[i - 2];
            uint256 b = powers[i - 1];
            powers[i] = (a * s0 + 7 * b * s1) % Canonical.P;
            powers[i + 1] = (a * s1 + b * s0) % Canonical.P;
        }
    }
}
