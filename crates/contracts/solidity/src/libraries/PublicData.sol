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
    ///      limbs have 32 bits and coordinates 64, so a coordinate of W_k stays below 2^99.
    function evaluate(bytes memory d, uint256 s0, uint256 s1) internal pure returns (uint256 g0, uint256 g1) {
        assert(d.length == SIZE);
        uint256 last;
        assembly ("memory-safe") {
            last := add(d, SIZE)
            for {} and(iszero(mload(last)), gt(last, d)) {} { last := sub(last, 32) }
        }
        uint256[9] memory powers = _powers(s0, s1);
        return _horner(d, last, powers);
    }

    /// @dev Horner's rule from the word at `last` down to the first. The powers 1 to 5 are kept on the stack, 6 and 7 in the
    ///      scratch space.
    function _horner(bytes memory d, uint256 last, uint256[9] memory powers)
        private
        pure
        returns (uint256 g0, uint256 g1)
    {
        // formula per word: (g0, g1) = (g0 * a + 7 * g1 * b, g0 * b + g1 * a) + W_k, with (a, b) = sigma^8
        assembly ("memory-safe") {
            mstore(0x00, mload(add(powers, 192)))
            mstore(0x20, mload(add(powers, 224)))
            let b := mload(add(powers, 256))
            let a := and(b, 0xffffffffffffffffffffffffffffffff)
            b := shr(128, b)
            let p5 := mload(add(powers, 160))
            let p4 := mload(add(powers, 128))
            let p3 := mload(add(powers, 96))
            let p2 := mload(add(powers, 64))
            powers := mload(add(powers, 32))
            for {} gt(last, d) { last := sub(last, 32) } {
                let w := mload(last)
                w :=
                    add(
                        add(
                            add(mul(and(w, 0xffffffff), mload(0x20)), mul(and(shr(32, w), 0xffffffff), mload(0x00))),
                            add(mul(and(shr(64, w), 0xffffffff), p5), mul(and(shr(96, w), 0xffffffff), p4))
                        ),
                        add(
                            add(mul(and(shr(128, w), 0xffffffff), p3), mul(and(shr(160, w), 0xffffffff), p2)),
                            add(mul(and(shr(192, w), 0xffffffff), powers), shr(224, w))
                        )
                    )
                let t := add(add(mul(g0, a), mul(7, mul(g1, b))), and(w, 0xffffffffffffffffffffffffffffffff))
                g1 := mod(add(add(mul(g0, b), mul(g1, a)), shr(128, w)), 0xFFFFFFFF00000001)
                g0 := mod(t, 0xFFFFFFFF00000001)
            }
        }
    }

    /// @dev sigma^0 .. sigma^8, each as first coordinate plus second times 2^128.
    function _powers(uint256 s0, uint256 s1) private pure returns (uint256[9] memory powers) {
        unchecked {
            // coordinates are below 2^64, so that the sums stay below 2^132
            (uint256 a, uint256 b) = (1, 0);
            powers[0] = 1;
            for (uint256 i = 1; i < 9; ++i) {
                (a, b) = ((a * s0 + 7 * b * s1) % Canonical.P, (a * s1 + b * s0) % Canonical.P);
                powers[i] = a | b << 128;
            }
        }
    }
}
