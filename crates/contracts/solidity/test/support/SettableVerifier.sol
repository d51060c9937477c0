// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice Stands in for the verifier where a test is about what the auction house does with its answer. Real proofs
///         are checked by the real verifier in the end-to-end tests.
contract SettableVerifier {
    enum Mode {
        Accept,
        Reject,
        Revert,
        Two,
        Long,
        Short,
        Nothing,
        BurnGas,
        Expect
    }

    Mode public mode;
    bytes32 public expected;

    function set(Mode mode_) external {
        mode = mode_;
    }

    /// @notice From now on only these public inputs pass.
    function expect(uint256[8] calldata inputs) external {
        mode = Mode.Expect;
        expected = keccak256(abi.encode(inputs));
    }

    function verify(uint256[8] calldata inputs, bytes calldata) external view returns (bool) {
        Mode m = mode;
        if (m == Mode.Accept) return true;
        if (m == Mode.Reject) return false;
        if (m == Mode.Expect) return keccak256(abi.encode(inputs)) == expected;
        if (m == Mode.Revert) revert("no");
        if (m == Mode.BurnGas) {
            assembly {
                invalid()
            }
        }
        assembly {
            mstore(0, 2)
            mstore(32, 1)
            if eq(m, 3) { return(0, 32) } // the word 2
            if eq(m, 4) { return(32, 64) } // a valid word and more
            if eq(m, 5) { return(63, 1) } // one byte
            return(0, 0)
        }
    }
}
