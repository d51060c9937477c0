// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice A trader's order. Its EIP-712 struct hash is the `intentHash`; as Permit2 witness it is all a trader signs.
struct Intent {
    address owner;
    address recipient;
    address sellToken;
    address buyToken;
    uint256 sellAmount;
    uint256 minBuyAmount;
    /// @dev Unix seconds, both ends included.
    uint64 validFrom;
    uint64 deadline;
    uint256 nonce;
    bytes32 market;
    /// @dev Options, see OptionsLib: integrator and its share, partial fills, payment in coins, disclosed limit.
    bytes32 appData;
}

/// @notice Result of one slot as published: quotes plus 2^31 (0 is no bid), winner as commit index plus one (0 is none).
struct Result {
    uint32 best;
    uint32 second;
    uint32 winner;
}

/// @notice One round.
struct Round {
    bytes32 market;
    bytes32 snapshotHash;
    bytes32 slotsHash;
    bytes32 keySetRoot;
    uint256 referenceQ128;
    /// @dev Merkle root over the 32 results, zero before the first settlement.
    bytes32 resultsRoot;
    address opener;
    uint64 openedAt;
    uint32 closedSlots;
    uint64 commitEnd;
    uint64 settleEnd;
    uint64 fillEnd;
    uint32 commitCount;
    uint8 nonEmptySlots;
    bool closed;
    /// @dev The protocol's share of surplus that holds for this round, in bips.
    uint16 protocolShareBips;
}

enum CommitState {
    None,
    Committed,
    Covered,
    Closed
}

/// @notice One sheet commitment of a round.
struct Commit {
    bytes32 strategyId;
    bytes32 sheetCommitment;
    address executor;
    int32 minQuote;
    int32 maxQuote;
    CommitState state;
    /// @dev Slots that the strategy won and did not deliver.
    uint8 defaults;
}

/// @notice Arguments of `settle`.
struct SettleRequest {
    bytes32 roundId;
    /// @dev 128 bytes: the market features of the round, as in `RoundOpened`.
    bytes features;
    /// @dev 1536 bytes: the slots of the round, as in `RoundOpened`.
    bytes slots;
    /// @dev 384 bytes: 32 times {best u32, second u32, winner u32}, what the proof shows.
    bytes claims;
    /// @dev Covered commitments, strictly increasing, 1 to 16.
    uint32[] commitIndices;
    /// @dev Poseidon hash of the public data.
    bytes32 beta;
    bytes proof;
    /// @dev Empty for the first settlement, else the 384 bytes that are stored now (as in the last `Settled`).
    bytes stored;
}

/// @notice Arguments of `fill`.
struct FillRequest {
    bytes32 roundId;
    uint8 slot;
    /// @dev 1536 bytes: the slots of the round.
    bytes slots;
    Intent intent;
    bytes32 blinding;
    /// @dev Permit2 witness signature of the intent's owner (EOA: 65 or 64 bytes; contract: ERC-1271).
    bytes signature;
    Result result;
    /// @dev Siblings of the slot's leaf, from the leaves upwards.
    bytes32[5] merkleProof;
}

/// @title What an auction house announces, and why it refuses
interface IAuctionEvents {
    /// @param features 128 bytes, as `settle` takes them.
    /// @param slots 1536 bytes, as `settle` takes them.
    event RoundOpened(
        bytes32 indexed roundId,
        bytes32 indexed market,
        address indexed opener,
        uint256 counter,
        bytes32 parentHash,
        bytes32 keySetRoot,
        uint256 referenceQ128,
        uint64 commitEnd,
        uint64 settleEnd,
        uint64 fillEnd,
        bytes features,
        bytes slots
    );
    event Committed(bytes32 indexed roundId, bytes32 indexed strategyId, uint32 index, bytes32 sheetCommitment);
    /// @param results 384 bytes: what is stored after merging.
    event Settled(
        bytes32 indexed roundId, address indexed settler, bytes32 resultsRoot, uint32[] commitIndices, bytes results
    );
    /// @param sellAmount What was sold, less than the intent's in a partial fill.
    /// @param pips Quote that the winner bid; `buyAmount` is what the recipient got.
    event Filled(
        bytes32 indexed roundId,
        bytes32 indexed strategyId,
        bytes32 indexed intentHash,
        uint8 slot,
        address recipient,
        uint256 sellAmount,
        uint256 buyAmount,
        int32 pips
    );
    event Defaulted(
        bytes32 indexed roundId,
        bytes32 indexed strategyId,
        bytes32 indexed intentHash,
        uint8 slot,
        uint256 compensation,
        uint256 burned
    );
    event SheetPenalised(bytes32 indexed roundId, bytes32 indexed strategyId, uint32 index, uint256 burned);
    event BondReleased(bytes32 indexed roundId, bytes32 indexed strategyId, uint32 index, uint256 amount);
    event UnfilledFeePaid(bytes32 indexed roundId, bytes32 indexed strategyId, uint8 slot, uint256 fee);
    /// @param burned Half of the unfilled fee; the winner gets none.
    event SlotVoided(bytes32 indexed roundId, uint8 slot, uint256 burned);
    event ProtocolShareChanged(uint16 bips, address treasury);
    event ClaimCredited(
        bytes32 indexed roundId, address indexed account, address indexed token, uint8 slot, uint256 amount
    );
    event Claimed(address indexed token, address indexed account, address to, uint256 amount);
    event RoundClosed(bytes32 indexed roundId, address indexed opener, uint256 refund);

    error UnknownRound(bytes32 roundId);
    error RoundIsClosed(bytes32 roundId);
    /// @notice The call belongs to the blocks `from` to `to`, both included.
    error OutsideWindow(uint256 blockNumber, uint256 from, uint256 to);
    error WrongLength(bytes32 what, uint256 got, uint256 expected);
    error WrongValue(uint256 sent, uint256 needed);
    /// @notice Slots must be non-empty first with a direction of 0 or 1, empty ones all zero, and at least one must not be
    ///         empty.
    error BadSlots(uint256 slot);
    /// @notice Calldata does not hash to what the round recorded.
    error Mismatch(bytes32 what);

    error NotAuthorised(bytes32 strategyId, address caller);
    error StrategyNotActive(bytes32 strategyId, bytes32 roundId);
    error WrongMarket(bytes32 got, bytes32 expected);
    error AlreadyCommitted(bytes32 roundId, bytes32 strategyId);
    /// @notice A 256-bit value made of four field elements has one that is not below p.
    error NonCanonicalElement(bytes32 value);

    error BadCommitIndices();
    error ProofRejected(bytes32 roundId);
    error QuoteOutOfRange(uint8 slot, uint32 winner);

    error WrongCommitState(uint32 index, CommitState state);

    error SlotIsClosed(uint8 slot);
    error NotSettled(bytes32 roundId);
    error NoWinner(uint8 slot);
    error BelowReserve(int32 quote, int32 reserve);
    error WrongOpening(uint8 slot);
    error WrongFeatures(uint8 slot);
    error IntentExpired(uint64 validFrom, uint64 deadline);
    error WrongTokens(address sellToken, address buyToken);
    error BadRecipient(address recipient);
    error SizeOutOfRange(uint256 notional);
    error LimitNotMet(uint256 due, uint256 minBuyAmount);
    /// @notice Less gas is left than the executor's allowance needs; nothing has moved.
    error InsufficientGas(uint256 left, uint256 needed);
    /// @notice Permit2 refused the order (signature, nonce, allowance, balance) or the sell token misbehaved.
    error PullFailed(bytes reason);
    /// @notice The recipient could not be paid in full.
    error PaymentFailed();
    /// @notice Only the auction house calls itself.
    error OnlySelf();
    error NotOpener(bytes32 roundId, address caller);
    error SlotIsFillable(uint8 slot);
    error BadShare(uint16 bips, address treasury);
    error UnexpectedCoins(address from);
    /// @notice Coins are paid in place of the wrapped coin only.
    error NotWrappedCoin(address token);
}

/// @title How rounds end: slots that cannot be filled, bonds, escrows, shares of surplus
interface IAuctionEnd {
    /// @notice Closes a slot that cannot be filled because of its trader: the nonce is spent, the owner has less than must
    ///         be sold, or the winner's quote misses the limit. Only the round's opener, in the fill window. The winner gets
    ///         no unfilled fee; half of it is burned. The signature is not looked at.
    function voidSlot(FillRequest calldata request) external;

    /// @notice Sets the protocol's share of the surplus of rounds that open from now on, at most a quarter. Only the owner.
    function setProtocolShare(uint16 bips, address treasury) external;

    /// @notice Pays the caller's shares of surplus in one token to `to`.
    function claim(address token, address to) external returns (uint256 amount);

    /// @notice Burns the sheet bond of a commitment that no settlement covered, and frees the rest of its lock; after
    ///         the settle window, by anyone.
    function penalise(bytes32 roundId, uint32 index) external;

    /// @notice Frees the bond of a covered commitment; after the fill window, by anyone.
    function release(bytes32 roundId, uint32 index) external;

    /// @notice Ends a round after its fill window, by anyone: pays the unfilled fee to the winner of each settled slot
    ///         that is still open, and the rest of the opener's escrow back.
    /// @param results The 384 bytes that are stored; empty for a round without a settlement.
    function closeRound(bytes32 roundId, bytes calldata results) external;
}

/// @title Order-flow auction settled by proofs
/// @notice A round runs through three windows, in blocks: commits are taken up to and including `commitEnd`,
///         settlements after that up to `settleEnd`, fills after that up to `fillEnd`.
///
///         Amount of a quote of q pips, r the reference price (Q128), rounded up, for the trader:
///         selling base:  out = ceil(sell * r * (10^6 + q) / (2^128 * 10^6))
///         selling quote: out = ceil(sell * (10^6 + q) * 2^128 / (r * 10^6))
///
///         A results leaf is keccak256(abi.encodePacked(uint8 slot, uint32 best, uint32 second, uint32 winner)); a
///         node is keccak256(left || right), the leaf's position being its slot.
interface IAuctionHouse is IAuctionEvents, IAuctionEnd {
    /// @notice Opens a round. The value sent must be `openerBond` per non-empty slot plus `settleReward`.
    /// @param market The market; its feeds are read in this call.
    /// @param slots 1536 bytes: 32 times {commitment bytes32, 4 slot features u32 (plus 2^31)}.
    function openRound(bytes32 market, bytes calldata slots) external payable returns (bytes32 roundId);

    /// @notice Commits the one sheet of a strategy that was active before the round opened; by its owner or operator.
    ///         Locks `sheetBond + 32 * slotBond` of the strategy's bond until the fill window ends.
    /// @return index Commit index within the round, from 0.
    function commit(bytes32 roundId, bytes32 strategyId, bytes32 sheetCommitment) external returns (uint32 index);

    /// @notice Publishes proven results; by anyone, more than once. Results merge with those that are stored.
    ///         The first caller of a round gets its settle reward.
    function settle(SettleRequest calldata request) external;

    /// @notice Fills one slot by anyone who holds the order. Either the recipient gets at least what was proven, or
    ///         the winner defaulted: then the owner keeps the tokens and the recipient gets the compensation. Everything else
    ///         reverts. An intent that allows it is filled in part when its owner has less than all of it: with what there
    ///         is, at the same price. What the executor delivers beyond the proven amount is surplus: integrator and
    ///         protocol get at most a quarter each, to be claimed, the recipient the rest.
    /// @return filled False when the winner defaulted.
    function fill(FillRequest calldata request) external returns (bool filled);

    function getRound(bytes32 roundId) external view returns (Round memory);
    function getCommit(bytes32 roundId, uint32 index) external view returns (Commit memory);

    /// @notice Commit index plus one of a strategy in a round, 0 for none.
    function commitIndexOf(bytes32 roundId, bytes32 strategyId) external view returns (uint32);

    /// @notice The eight public inputs that the proof of a settlement must have.
    function publicInputs(SettleRequest calldata request) external view returns (uint256[8] memory);

    /// @notice The amount that a slot pays in a round's terms, before any trade.
    function amountDue(bytes32 roundId, Intent calldata intent, Result calldata result) external view returns (uint256);

    /// @notice EIP-712 struct hash of an intent.
    function hashIntent(Intent calldata intent) external pure returns (bytes32);

    /// @notice Root of the allowed circuits that new rounds pin.
    function keySetRoot() external view returns (bytes32);

    /// @notice What an account can claim of a token.
    function claimable(address token, address account) external view returns (uint256);

    /// @notice The protocol's share of surplus in new rounds, in bips, and who may claim it.
    function protocolShareBips() external view returns (uint16);
    function treasury() external view returns (address);

    /// @notice The wrapped coin, zero for none.
    function wrappedCoin() external view returns (address);

    function markets() external view returns (address);
    function registry() external view returns (address);
    function verifier() external view returns (address);
    function permit2() external view returns (address);
}
