// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";
import {IExecutor, FillOrder} from "../../src/interfaces/IExecutor.sol";
import {IAuctionHouse} from "../../src/interfaces/IAuctionHouse.sol";

/// @notice Executor that misbehaves on request.
contract BadExecutor is IExecutor {
    enum Mode {
        Deliver,
        Revert,
        Short,
        Nothing,
        BurnGas,
        RevertBomb,
        Reenter,
        NeedGas,
        Excess
    }

    Mode public mode;
    bytes public reentry;
    IAuctionHouse internal immutable HOUSE;

    constructor(IAuctionHouse house) {
        HOUSE = house;
    }

    function set(Mode mode_) external {
        mode = mode_;
    }

    function setReentry(bytes calldata call_) external {
        reentry = call_;
    }

    function acceptsStrategy(bytes32, address) external pure returns (bool) {
        return true;
    }

    function onFill(bytes32, FillOrder calldata order) external {
        Mode m = mode;
        if (m == Mode.Nothing) return;
        if (m == Mode.Revert) revert("no");
        if (m == Mode.BurnGas) {
            assembly {
                invalid()
            }
        }
        if (m == Mode.RevertBomb) {
            assembly {
                revert(0, 200000)
            }
        }
        if (m == Mode.Reenter) {
            (bool ok, bytes memory reason) = address(HOUSE).call(reentry);
            if (!ok) {
                assembly {
                    revert(add(reason, 32), mload(reason))
                }
            }
        }
        if (m == Mode.NeedGas) require(gasleft() > 380_000, "starved");
        uint256 amount = order.buyAmount;
        if (m == Mode.Short) --amount;
        if (m == Mode.Excess) ++amount;
        SafeTransferLib.safeTransfer(order.buyToken, msg.sender, amount);
    }
}
