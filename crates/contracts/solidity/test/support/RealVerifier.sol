// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice Verifies the proof that it is given, for real, but as one of the public inputs that it was made with, so that
///         the gas of a settlement can be measured without proving the round of a test. What it costs itself is measured and
///         taken off.
contract RealVerifier {
    address private immutable _verifier;
    uint256 private immutable _input0;
    uint256 private immutable _input1;
    uint256 private immutable _input2;
    uint256 private immutable _input3;
    uint256 private immutable _input4;
    uint256 private immutable _input5;
    uint256 private immutable _input6;
    uint256 private immutable _input7;

    constructor(address verifier, uint256[8] memory inputs) {
        _verifier = verifier;
        (_input0, _input1, _input2, _input3) = (inputs[0], inputs[1], inputs[2], inputs[3]);
        (_input4, _input5, _input6, _input7) = (inputs[4], inputs[5], inputs[6], inputs[7]);
    }

    /// @notice Passes every call on, with these inputs in place of its first eight words.
    fallback() external {
        (address to, uint256 i0, uint256 i1, uint256 i2, uint256 i3) = (_verifier, _input0, _input1, _input2, _input3);
        (uint256 i4, uint256 i5, uint256 i6, uint256 i7) = (_input4, _input5, _input6, _input7);
        assembly {
            calldatacopy(0, 0, calldatasize())
            mstore(4, i0)
            mstore(36, i1)
            mstore(68, i2)
            mstore(100, i3)
            mstore(132, i4)
            mstore(164, i5)
            mstore(196, i6)
            mstore(228, i7)
            let ok := staticcall(gas(), to, 0, calldatasize(), 0, 32)
            if iszero(and(ok, eq(returndatasize(), 32))) { revert(0, 0) }
            return(0, 32)
        }
    }
}
