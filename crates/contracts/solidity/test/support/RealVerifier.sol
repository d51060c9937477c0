// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IProofVerifier} from "../../src/interfaces/IProofVerifier.sol";

/// @notice Verifies the proof that it is given, for real, but as one of the public inputs that it was made with, so that
///         the gas of a settlement can be measured without proving the round of a test.
contract RealVerifier is IProofVerifier {
    IProofVerifier private immutable _verifier;
    uint256[8] private _inputs;

    constructor(IProofVerifier verifier, uint256[8] memory inputs) {
        _verifier = verifier;
        _inputs = inputs;
    }

    /// @inheritdoc IProofVerifier
    function verify(uint256[8] calldata, bytes calldata proof) external view returns (bool) {
        return _verifier.verify(_inputs, proof);
    }
}
