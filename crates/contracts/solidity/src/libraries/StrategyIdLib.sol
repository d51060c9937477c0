// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {PoseidonGoldilocks} from "../verifier/PoseidonGoldilocks.sol";
import {Canonical} from "./Canonical.sol";

/// @title Identity of a strategy
library StrategyIdLib {
    /// @dev Poseidon domain of strategy ids.
    uint256 internal constant STRATEGY_DOMAIN = 2;

    /// @notice Poseidon over eight elements, one permutation: domain and class, the owner's address in three limbs (its
    ///         first 6, next 7 and last 7 bytes), and the four elements of the commitment to the model.
    function compute(address owner, uint32 classId, bytes32 modelCommitment) internal pure returns (bytes32) {
        uint256 o = uint160(owner);
        uint256[8] memory e;
        e[0] = STRATEGY_DOMAIN << 32 | classId;
        e[1] = o >> 112;
        e[2] = (o >> 56) & ((1 << 56) - 1);
        e[3] = o & ((1 << 56) - 1);
        for (uint256 i; i < 4; ++i) {
            e[4 + i] = Canonical.element(modelCommitment, i);
        }
        return PoseidonGoldilocks.hash8(e);
    }
}
