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

/// @notice Says no instead of reverting, to listed accounts.
contract FalseToken is PlainToken {
    mapping(address => bool) public refused;

    constructor(uint8 decimals_) PlainToken(decimals_) {}

    function setRefused(address account, bool on) external {
        refused[account] = on;
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        return !refused[to] && super.transfer(to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        return !refused[to] && super.transferFrom(from, to, amount);
    }
}

/// @notice Every balance is a number of shares times a factor that changes: by itself, or when a listed account is paid.
contract RebasingToken is PlainToken {
    uint256 internal constant ONE = 1000;
    /// @dev In thousandths, less ONE, so that code put in place of another token starts at one.
    int256 public shift;
    address public trigger;
    int256 public triggered;

    constructor(uint8 decimals_) PlainToken(decimals_) {}

    function rebase(int256 shift_) public {
        shift = shift_;
    }

    /// @dev From the next payment of `account` on, the factor is the one given here.
    function rebaseWhenPaid(address account, int256 shift_) external {
        (trigger, triggered) = (account, shift_);
    }

    function balanceOf(address account) public view override returns (uint256) {
        return super.balanceOf(account) * _factor() / ONE;
    }

    function transfer(address to, uint256 amount) public override returns (bool ok) {
        ok = super.transfer(to, amount * ONE / _factor());
        _after(to);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool ok) {
        ok = super.transferFrom(from, to, amount * ONE / _factor());
        _after(to);
    }

    function _after(address to) private {
        if (to == trigger && to != address(0)) rebase(triggered);
    }

    function _factor() private view returns (uint256) {
        return uint256(int256(ONE) + shift);
    }
}
