// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {PlainToken} from "./PlainToken.sol";

/// @notice Takes one unit in a thousand of each transfer.
contract FeeToken is PlainToken {
    constructor(uint8 decimals_) PlainToken(decimals_) {}

    function _afterTokenTransfer(address from, address to, uint256 amount) internal override {
        if (from != address(0) && to != address(0)) _burn(to, amount / 1000);
    }
}

/// @notice Refuses transfers to and from listed accounts.
contract BlocklistToken is PlainToken {
    mapping(address => bool) public blocked;
    bool public paused;

    constructor(uint8 decimals_) PlainToken(decimals_) {}

    function setBlocked(address account, bool on) external {
        blocked[account] = on;
    }

    function setPaused(bool on) external {
        paused = on;
    }

    function _beforeTokenTransfer(address from, address to, uint256) internal view override {
        require(!blocked[from] && !blocked[to] && !paused, "refused");
    }
}

/// @notice `transfer` and `transferFrom` return nothing.
contract NoReturnToken is PlainToken {
    constructor(uint8 decimals_) PlainToken(decimals_) {}

    function transfer(address to, uint256 amount) public override returns (bool) {
        super.transfer(to, amount);
        assembly {
            return(0, 0)
        }
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        super.transferFrom(from, to, amount);
        assembly {
            return(0, 0)
        }
    }
}

/// @notice Says yes and does nothing, to or from listed accounts.
contract LyingToken is PlainToken {
    mapping(address => bool) public ignored;

    constructor(uint8 decimals_) PlainToken(decimals_) {}

    function setIgnored(address account, bool on) external {
        ignored[account] = on;
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        return ignored[to] || super.transfer(to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        return ignored[to] || super.transferFrom(from, to, amount);
    }
}

/// @notice Calls a listed account after it was paid, as ERC-777 does.
contract HookToken is PlainToken {
    address public hooked;
    bytes public hook;
    address public target;
    bytes public reason;

    constructor(uint8 decimals_) PlainToken(decimals_) {}

    function setHook(address account, address target_, bytes calldata call_) external {
        (hooked, target, hook) = (account, target_, call_);
    }

    function _afterTokenTransfer(address, address to, uint256) internal override {
        if (to == hooked && to != address(0)) {
            (bool ok, bytes memory answer) = target.call(hook);
            reason = ok ? bytes("ok") : answer;
        }
    }
}
