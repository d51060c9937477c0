// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IFeed} from "../interfaces/IFeed.sol";
import {FeatureLib} from "../libraries/FeatureLib.sol";

/// @title What the chain says about itself
/// @notice Features: `base-fee` (log2 of wei, 0 for a base fee of 0), `block-interval` (milliseconds per block over the
///         blocks since an older recorded block), `timestamp` (seconds after `FeatureLib.DEADLINE_EPOCH`, as in the
///         slots' deadlines).
contract ChainFeed is IFeed {
    struct Anchor {
        uint64 blockNumber;
        uint64 timestamp;
    }

    /// @notice Blocks between anchors, the least span of the interval's average.
    uint64 public immutable span;
    Anchor public older;
    Anchor public newer;

    event Anchored(uint64 blockNumber, uint64 timestamp);

    constructor(uint64 span_) {
        if (span_ == 0) revert BrokenSource();
        span = span_;
        older = newer = Anchor(uint64(block.number), uint64(block.timestamp));
    }

    /// @notice Records this block once the newest anchor is `span` blocks old; anybody may call it at any time.
    function observe() external returns (bool recorded) {
        if (block.number < newer.blockNumber + span) return false;
        older = newer;
        newer = Anchor(uint64(block.number), uint64(block.timestamp));
        emit Anchored(newer.blockNumber, newer.timestamp);
        return true;
    }

    /// @inheritdoc IFeed
    function name() external pure returns (string memory) {
        return "chain";
    }

    /// @inheritdoc IFeed
    function featureNames() external pure returns (string[] memory names) {
        names = new string[](3);
        names[0] = "base-fee";
        names[1] = "block-interval";
        names[2] = "timestamp";
    }

    /// @inheritdoc IFeed
    function pair() external pure returns (address, address) {
        return (address(0), address(0));
    }

    /// @inheritdoc IFeed
    function read() external view returns (int32[] memory features, uint256 referenceQ128) {
        uint256 blocks = block.number - older.blockNumber;
        if (blocks < span) revert InsufficientHistory(blocks, span);
        uint256 interval = (block.timestamp - older.timestamp) * 1000 / blocks;
        features = new int32[](3);
        features[0] = block.basefee == 0 ? int32(0) : FeatureLib.log2Q22(block.basefee);
        features[1] = FeatureLib.saturate(int256(interval));
        features[2] = FeatureLib.sinceEpoch(block.timestamp);
        referenceQ128 = 0;
    }
}
