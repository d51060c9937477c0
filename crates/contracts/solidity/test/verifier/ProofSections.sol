// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Shape} from "../../src/verifier/Shape.sol";

/// A part of an encoded proof.
struct Section {
    string name;
    uint256 start;
    uint256 length;
    /// consists of field elements, not of digests
    bool elements;
}

/// @title Where the parts of an encoded proof are, worked out apart from the verifier
library ProofSections {
    /// All sections in order; of the queries, the first and the last are taken apart.
    function list(Shape memory shape) internal pure returns (Section[] memory out) {
        uint256 steps = shape.arityBits.length;
        out = new Section[](3 + 7 + steps + 2 + 2 * (8 + 2 * steps) + 1);
        uint256 cap = 25 << shape.capHeight;
        uint256 n = 0;
        n = _push(out, n, "wires cap", cap, false);
        n = _push(out, n, "products cap", cap, false);
        n = _push(out, n, "quotient cap", cap, false);
        n = _push(out, n, "constants", 16 * shape.constants, true);
        n = _push(out, n, "sigmas", 16 * shape.routedWires, true);
        n = _push(out, n, "wires", 16 * shape.wires, true);
        n = _push(out, n, "Z", 16 * shape.challenges, true);
        n = _push(out, n, "partial products", 16 * shape.challenges * shape.partialProducts, true);
        n = _push(out, n, "quotient", 16 * shape.challenges * shape.quotientDegreeFactor, true);
        n = _push(out, n, "next Z", 16 * shape.challenges, true);
        for (uint256 i = 0; i < steps; i++) {
            n = _push(out, n, "step cap", cap, false);
        }
        uint256 remaining = shape.degreeBits;
        for (uint256 i = 0; i < steps; i++) {
            remaining -= uint8(shape.arityBits[i]);
        }
        n = _push(out, n, "final polynomial", 16 << remaining, true);
        n = _push(out, n, "work witness", 8, true);
        uint256 first = n;
        n = _query(shape, out, n);
        uint256 queryBytes = out[n - 1].start + out[n - 1].length - out[first].start;
        n = _push(out, n, "middle queries", (shape.queries - 2) * queryBytes, false);
        _query(shape, out, n);
    }

    function _query(Shape memory shape, Section[] memory out, uint256 n) private pure returns (uint256) {
        n = _push(out, n, "constants leaf", 8 * (shape.constants + shape.routedWires), true);
        n = _push(out, n, "wires leaf", 8 * shape.wires, true);
        n = _push(out, n, "products leaf", 8 * shape.challenges * (1 + shape.partialProducts), true);
        n = _push(out, n, "quotient leaf", 8 * shape.challenges * shape.quotientDegreeFactor, true);
        uint256 height = shape.degreeBits + shape.rateBits - shape.capHeight;
        for (uint256 i = 0; i < 4; i++) {
            n = _push(out, n, "path", 25 * height, false);
        }
        for (uint256 i = 0; i < shape.arityBits.length; i++) {
            uint256 arity = uint8(shape.arityBits[i]);
            height -= arity;
            n = _push(out, n, "step values", 16 << arity, true);
            n = _push(out, n, "path", 25 * height, false);
        }
        return n;
    }

    function _push(Section[] memory out, uint256 n, string memory name, uint256 length, bool elements)
        private
        pure
        returns (uint256)
    {
        uint256 start = n == 0 ? 0 : out[n - 1].start + out[n - 1].length;
        out[n] = Section(name, start, length, elements);
        return n + 1;
    }
}
