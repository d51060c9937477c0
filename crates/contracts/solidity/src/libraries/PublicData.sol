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

    /// @dev Order of the field, as in `Canonical`.
    uint256 private constant P = 0xFFFFFFFF00000001;

    bytes32 internal constant SIGMA_DOMAIN = keccak256("sotto.sigma.v1");

    /// @dev Bytes of a sheet, and where the first is.
    uint256 private constant SHEET_SIZE = 68;
    uint256 private constant SHEETS_AT = 2112;

    /// @notice Joins the parts, each of which has the length above; all sheets are null.
    function build(
        bytes32 roundId,
        bytes32 keySetRoot,
        bytes calldata features,
        bytes calldata slots,
        bytes calldata claims
    ) internal pure returns (bytes memory) {
        return abi.encodePacked(roundId, keySetRoot, features, slots, claims, new bytes(SHEETS_SIZE));
    }

    /// @notice Writes sheet `i`, below 16. Sheets are written in their order.
    function putSheet(bytes memory d, uint256 i, uint32 index, bytes32 strategyId, bytes32 sheetCommitment)
        internal
        pure
    {
        assert(i < SHEETS && d.length == SIZE);
        assembly ("memory-safe") {
            // formula: uint32 index || strategyId || sheetCommitment; the first word's rest is overwritten by the second
            let at_ := add(add(add(d, 32), SHEETS_AT), mul(i, SHEET_SIZE))
            mstore(at_, shl(224, index))
            mstore(add(at_, 4), strategyId)
            mstore(add(at_, 36), sheetCommitment)
        }
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
    ///      result is Horner's rule over W_99, ..., W_0 at sigma^8; words that are zero at the end (null sheets) are left
    ///      out. No reduction is needed within a word, and both coordinates of a power share one word, 128 bits each:
    ///      limbs have 32 bits and coordinates 64, so a coordinate of W_k stays below 2^99, and a sum below 2^132.
    function evaluate(bytes memory d, uint256 s0, uint256 s1) internal pure returns (uint256 g0, uint256 g1) {
        assert(d.length == SIZE);
        // formula per word: (g0, g1) = (g0 * a + 7 * g1 * b, g0 * b + g1 * a) + W_k, with (a, b) = sigma^8; (g0, g1) is in
        // the scratch space, so that the powers p1 to p7 of sigma stay on the stack
        assembly ("memory-safe") {
            // the coordinates of sigma times a power
            function next(power, x, y) -> product {
                let b := shr(128, power)
                let a := and(power, 0xffffffffffffffffffffffffffffffff)
                product := or(mod(add(mul(a, x), mul(7, mul(b, y))), P), shl(128, mod(add(mul(a, y), mul(b, x)), P)))
            }
            let p1 := or(s0, shl(128, s1))
            let p2 := next(p1, s0, s1)
            let p3 := next(p2, s0, s1)
            let p4 := next(p3, s0, s1)
            let p5 := next(p4, s0, s1)
            let p6 := next(p5, s0, s1)
            let p7 := next(p6, s0, s1)
            let b := next(p7, s0, s1)
            let a := and(b, 0xffffffffffffffffffffffffffffffff)
            b := shr(128, b)
            mstore(0x00, 0)
            mstore(0x20, 0)
            let at_ := add(d, SIZE)
            for {} and(iszero(mload(at_)), gt(at_, d)) {} { at_ := sub(at_, 32) }
            for {} gt(at_, d) { at_ := sub(at_, 32) } {
                let w := mload(at_)
                let sum := add(mul(and(shr(192, w), 0xffffffff), p1), shr(224, w))
                sum := add(mul(and(shr(160, w), 0xffffffff), p2), sum)
                sum := add(mul(and(shr(128, w), 0xffffffff), p3), sum)
                sum := add(mul(and(shr(96, w), 0xffffffff), p4), sum)
                sum := add(mul(and(shr(64, w), 0xffffffff), p5), sum)
                sum := add(mul(and(shr(32, w), 0xffffffff), p6), sum)
                w := add(mul(and(w, 0xffffffff), p7), sum)
                let x := mload(0x00)
                let y := mload(0x20)
                mstore(0x00, mod(add(add(mul(x, a), mul(7, mul(y, b))), and(w, 0xffffffffffffffffffffffffffffffff)), P))
                mstore(0x20, mod(add(add(mul(x, b), mul(y, a)), shr(128, w)), P))
            }
            g0 := mload(0x00)
            g1 := mload(0x20)
        }
    }
}
