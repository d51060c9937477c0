// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Elements} from "../../src/verifier/Elements.sol";
import {Ext, ONE, fromBase} from "../../src/verifier/Extension.sol";
import {Fri, FriChallenges, FriContext} from "../../src/verifier/Fri.sol";
import {Goldilocks, P} from "../../src/verifier/Goldilocks.sol";
import {PlonkChallenges} from "../../src/verifier/PlonkIdentity.sol";
import {Plonky2Verifier} from "../../src/verifier/Plonky2Verifier.sol";
import {PoseidonGoldilocks} from "../../src/verifier/PoseidonGoldilocks.sol";
import {Shape} from "../../src/verifier/Shape.sol";

/// What an exposed low-degree test is run with instead of the proof's own data.
enum Change {
    Nothing,
    /// the combined opening at zeta, plus one
    Reduced,
    /// the combined opening at g zeta, plus one
    ReducedNext,
    /// the challenge of folding step `position`, plus one
    Beta,
    /// zeta is the point that the first query asks for
    Zeta,
    /// g zeta is the point that the first query asks for
    ZetaNext,
    /// coefficient 0 of the final polynomial
    FinalPolynomial,
    /// byte `position` of the constants' cap
    ConstantsCap
}

/// @title A verifier whose parts can be called one by one
abstract contract Exposed is Plonky2Verifier {
    function shape() external pure returns (Shape memory) {
        return _shape();
    }

    /// The arguments of the constraint check.
    function challenges(uint256[8] calldata publicInputs, bytes calldata proof)
        external
        pure
        returns (PlonkChallenges memory plonk, bytes32 publicInputsHash, bytes memory openings)
    {
        Sections memory s = _sections(_shape(), proof);
        publicInputsHash = PoseidonGoldilocks.hash8(publicInputs);
        openings = _read(s).openings;
        (plonk,) = _challenges(_shape(), s, publicInputsHash);
    }

    /// Digest of the constants' cap that the first query's path leads to.
    function firstSlot(uint256[8] calldata publicInputs, bytes calldata proof) external pure returns (uint256) {
        Shape memory sh = _shape();
        bytes32 h = PoseidonGoldilocks.hash8(publicInputs);
        (, FriChallenges memory fri) = _challenges(sh, _sections(sh, proof), h);
        return fri.indices[0] >> (sh.degreeBits + sh.rateBits - sh.capHeight);
    }

    /// The low-degree test with one thing changed.
    function lowDegree(uint256[8] calldata publicInputs, bytes calldata proof, Change change, uint256 position)
        external
        pure
    {
        Shape memory sh = _shape();
        Sections memory s = _sections(sh, proof);
        bytes32 h = PoseidonGoldilocks.hash8(publicInputs);
        (PlonkChallenges memory plonk, FriChallenges memory fri) = _challenges(sh, s, h);
        FriContext memory c = _context(sh, s, _read(s), plonk.zeta, fri.alpha);
        if (change == Change.Reduced) c.reduced = c.reduced + ONE;
        if (change == Change.ReducedNext) c.reducedNext = c.reducedNext + ONE;
        if (change == Change.Beta) fri.betas[position] = fri.betas[position] + ONE;
        if (change == Change.Zeta) c.zeta = _point(sh, fri.indices[0]);
        if (change == Change.ZetaNext) c.zetaNext = _point(sh, fri.indices[0]);
        if (change == Change.FinalPolynomial) {
            uint256 coefficient = c.finalPolynomial;
            assembly {
                mstore(coefficient, xor(mload(coefficient), 1))
            }
        }
        if (change == Change.ConstantsCap) {
            uint256 ptr = c.constantsCap + position;
            assembly {
                mstore8(ptr, xor(byte(0, mload(ptr)), 1))
            }
        }
        Fri.check(sh, c, fri, s.queries);
    }

    /// generator * root^(index, bits reversed)
    function _point(Shape memory sh, uint256 index) private pure returns (Ext) {
        uint256 bits = sh.degreeBits + sh.rateBits;
        uint256 root = Goldilocks.rootOfUnity(bits);
        uint256 x = Goldilocks.GENERATOR;
        for (uint256 i = 0; i < bits; i++) {
            if ((index >> i) & 1 == 1) x = mulmod(x, Goldilocks.powTwo(root, bits - 1 - i), P);
        }
        return fromBase(x);
    }
}
