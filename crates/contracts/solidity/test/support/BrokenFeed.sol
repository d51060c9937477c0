// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IFeed} from "../../src/interfaces/IFeed.sol";

/// @notice Feed that answers anything.
contract BrokenFeed is IFeed {
    enum Mode {
        Fine,
        Revert,
        Garbage,
        TooMany,
        Nothing,
        Bomb
    }

    Mode public mode;
    uint256 public price;
    address internal immutable BASE;
    address internal immutable QUOTE;

    constructor(address base, address quote) {
        BASE = base;
        QUOTE = quote;
    }

    function set(Mode mode_) external {
        mode = mode_;
    }

    function setPrice(uint256 price_) external {
        price = price_;
    }

    function name() external pure returns (string memory) {
        return "broken";
    }

    function featureNames() external pure returns (string[] memory names) {
        names = new string[](1);
        names[0] = "value";
    }

    function pair() external view returns (address, address) {
        return (BASE, QUOTE);
    }

    function read() external view returns (int32[] memory features, uint256 referenceQ128) {
        Mode m = mode;
        if (m == Mode.Revert) revert("no");
        if (m == Mode.TooMany) return (new int32[](40), price);
        if (m == Mode.Fine) return (new int32[](1), price);
        assembly {
            mstore(0, not(0))
            if eq(m, 2) { return(0, 96) }
            if eq(m, 4) { return(0, 0) }
            return(0, 100000)
        }
    }
}
