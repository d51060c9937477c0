// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";
import {Filling} from "../../src/auction/Filling.sol";

/// @notice ERC-1271 owner of intents that misbehaves on request; it refuses coins.
contract ContractTrader {
    enum Mode {
        Valid,
        Invalid,
        FakeDefault,
        Short,
        BurnGas,
        Bomb
    }

    Mode public mode;
    address internal immutable PERMIT2;

    constructor(address permit2) {
        PERMIT2 = permit2;
    }

    function set(Mode mode_) external {
        mode = mode_;
    }

    function approve(address token) external {
        SafeTransferLib.safeApprove(token, PERMIT2, type(uint256).max);
    }

    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        Mode m = mode;
        if (m == Mode.Valid) return 0x1626ba7e;
        if (m == Mode.Invalid) return 0xffffffff;
        if (m == Mode.FakeDefault) revert Filling.TradeDefaulted();
        if (m == Mode.BurnGas) {
            assembly {
                invalid()
            }
        }
        assembly {
            if eq(m, 3) { return(0, 2) }
            revert(0, 100000)
        }
    }
}
