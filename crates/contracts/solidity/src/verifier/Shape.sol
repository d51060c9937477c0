// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice The numbers of a circuit that its verifier needs; all of them are fixed when the contract is generated.
struct Shape {
    /// log2 of the number of rows
    uint256 degreeBits;
    /// FRI: log2 of the inverse rate
    uint256 rateBits;
    /// log2 of the digests in a Merkle cap
    uint256 capHeight;
    /// leading zero bits that the work response must have
    uint256 powBits;
    /// FRI query rounds
    uint256 queries;
    /// log2 of the arity of every folding step, one byte each
    bytes arityBits;
    /// constant polynomials, selectors included
    uint256 constants;
    /// selector polynomials, the first of the constants
    uint256 selectors;
    /// wires in the permutation argument
    uint256 routedWires;
    /// wires
    uint256 wires;
    /// repetitions of the permutation argument and of the random combination of constraints
    uint256 challenges;
    /// partial products of the permutation argument, per repetition
    uint256 partialProducts;
    /// factors per partial product, and chunks of a quotient polynomial
    uint256 quotientDegreeFactor;
    /// constraints of the gate that has most
    uint256 gateConstraints;
    /// wire j's coset in the permutation argument is that of its j-th power
    uint256 cosetGenerator;
}
