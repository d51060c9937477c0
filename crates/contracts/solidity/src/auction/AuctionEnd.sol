// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {AuctionStorage} from "./AuctionStorage.sol";
import {KeySet} from "./KeySet.sol";
import {Claims} from "./Claims.sol";
import {Closing} from "./Closing.sol";
import {Voiding} from "./Voiding.sol";
import {IMarkets} from "../interfaces/IMarkets.sol";
import {IStrategyRegistry} from "../interfaces/IStrategyRegistry.sol";
import {IProofVerifier} from "../interfaces/IProofVerifier.sol";

/// @title The part of the auction house that ends rounds
/// @notice Created by the auction house, which runs this code on its own storage. On its own storage it has no owner, no
///         rounds and no tokens.
contract AuctionEnd is Claims, Closing, Voiding {
    constructor(
        IMarkets markets_,
        IStrategyRegistry registry_,
        IProofVerifier verifier_,
        address permit2_,
        address wrappedCoin_,
        bytes32 keySetRoot_,
        uint64 keySetDelay_
    )
        AuctionStorage(markets_, registry_, verifier_, permit2_, wrappedCoin_)
        KeySet(address(0), keySetRoot_, keySetDelay_)
    {}
}
