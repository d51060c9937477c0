// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice What an intent asks for besides its price.
struct Options {
    /// @dev Who brought the order; zero for nobody.
    address integrator;
    /// @dev Its part of the surplus, in bips (1e-4).
    uint256 integratorBips;
    /// @dev Least part of `sellAmount` that may be sold when the owner has less than all of it, in 1/256; 0 for all or nothing.
    uint256 leastShare;
    /// @dev The recipient takes coins in place of the wrapped coin.
    bool paysCoins;
}

/// @title Options of an intent, in its `appData`
/// @notice | bytes | what |
///         |---|---|
///         | 0..20 | integrator |
///         | 20..22 | the integrator's share of the surplus in bips, at most 2500 |
///         | 22..30 | zero |
///         | 30 | least share of a partial fill in 1/256, 0 for none |
///         | 31 | bit 0: the limit price is a slot feature; bit 1: pay coins for the wrapped coin; other bits zero |
///
///         Anything else is refused, so that a hash put there is not taken for options.
library OptionsLib {
    /// @dev Largest share of the surplus for an integrator, and for the protocol: half remains the trader's.
    uint256 internal constant MAX_SHARE_BIPS = 2_500;
    uint256 internal constant ONE_IN_BIPS = 10_000;
    uint256 internal constant SHARE_STEPS = 256;

    error BadOptions(bytes32 appData);

    /// @notice Reads the options; reverts with `BadOptions`.
    function read(bytes32 appData) internal pure returns (Options memory o) {
        uint256 word = uint256(appData);
        o.integrator = address(uint160(word >> 96));
        o.integratorBips = (word >> 80) & 0xffff;
        o.leastShare = (word >> 8) & 0xff;
        o.paysCoins = word & 2 != 0;
        bool reserved = (word >> 16) & type(uint64).max != 0 || word & 0xfc != 0;
        if (reserved || o.integratorBips > MAX_SHARE_BIPS || (o.integrator == address(0) && o.integratorBips != 0)) {
            revert BadOptions(appData);
        }
    }
}
