// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title Verifier of wrapped tournament proofs
/// @notice Every wrap profile sits behind this interface; the statement is the same for all of them.
interface IProofVerifier {
    /// @notice Checks one wrapped proof.
    /// @param publicInputs Eight Goldilocks elements, each below p = 2^64 - 2^32 + 1:
    ///        beta0..beta3 (Poseidon hash of the public data `d`), sigma0, sigma1 (the challenge), gamma0, gamma1
    ///        (the value of the polynomial with coefficients `d` at sigma in F_{p^2} = F_p[X]/(X^2 - 7)).
    /// @param proof The proof's canonical encoding, of exact length.
    /// @return True if and only if the proof is valid for the public inputs. A caller treats false, a revert, an
    ///         answer of any other length and an address without code alike: the proof is not accepted.
    function verify(uint256[8] calldata publicInputs, bytes calldata proof) external view returns (bool);
}
