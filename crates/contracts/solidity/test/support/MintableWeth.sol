// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {WETH} from "solady/tokens/WETH.sol";

/// @notice Wrapped coin that tests can mint; they deal it the coins behind what they mint.
contract MintableWeth is WETH {
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function _givePermit2InfiniteAllowance() internal pure override returns (bool) {
        return false;
    }
}
