// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "solady/tokens/ERC20.sol";

/// @title A token for local chains: its deployer mints at will
contract DemoToken is ERC20 {
    error NotMinter(address caller);

    string private _name;
    string private _symbol;
    uint8 private immutable DECIMALS;
    address private immutable MINTER;

    constructor(string memory name_, string memory symbol_, uint8 decimals_) {
        _name = name_;
        _symbol = symbol_;
        DECIMALS = decimals_;
        MINTER = msg.sender;
    }

    /// @notice Mints `amount` raw units to `to`; only the deployer.
    function mint(address to, uint256 amount) external {
        if (msg.sender != MINTER) revert NotMinter(msg.sender);
        _mint(to, amount);
    }

    function name() public view override returns (string memory) {
        return _name;
    }

    function symbol() public view override returns (string memory) {
        return _symbol;
    }

    function decimals() public view override returns (uint8) {
        return DECIMALS;
    }
}
