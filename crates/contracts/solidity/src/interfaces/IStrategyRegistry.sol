// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice A registered strategy. Nothing of it but `operator` and the activation ever changes.
struct Strategy {
    address owner;
    /// @dev First block in which the strategy is active; 0 while it is not activated.
    uint64 activeFrom;
    uint32 classId;
    address operator;
    /// @dev First block in which the strategy is no longer active; 0 while it is not retired.
    uint64 retiredAt;
    address executor;
    /// @dev Range of the quotes that the auction accepts from it, in pips, both ends included.
    int32 minQuote;
    int32 maxQuote;
    bytes32 market;
    bytes32 modelCommitment;
}

/// @notice Bond of one strategy, in wei, and its public record.
struct BondAccount {
    /// @dev All of the bond that is not on its way out, locked parts included.
    uint128 bond;
    /// @dev The part that commitments in running rounds have locked.
    uint128 locked;
    uint128 withdrawing;
    /// @dev Block from which `withdrawing` can be taken.
    uint64 withdrawableAt;
    /// @dev Sheets committed, sheets that no settlement covered, slots not delivered.
    uint32 committed;
    uint32 uncovered;
    uint32 defaults;
}

/// @title Strategies, who may act for them, and their bonds
/// @notice Bonds are in the chain's own currency.
interface IStrategyRegistry {
    event Registered(
        bytes32 indexed strategyId,
        address indexed owner,
        bytes32 indexed market,
        uint32 classId,
        bytes32 modelCommitment,
        address executor,
        address operator,
        int32 minQuote,
        int32 maxQuote
    );
    event Activated(bytes32 indexed strategyId, uint64 activeFrom);
    event Retired(bytes32 indexed strategyId, uint64 retiredAt);
    event OperatorChanged(bytes32 indexed strategyId, address operator);
    event BondDeposited(bytes32 indexed strategyId, address indexed from, uint256 amount);
    event WithdrawalRequested(bytes32 indexed strategyId, uint256 amount, uint64 withdrawableAt);
    event BondWithdrawn(bytes32 indexed strategyId, address indexed to, uint256 amount);
    /// @notice A commitment locked a part of the bond, or gave it back.
    event BondLocked(bytes32 indexed strategyId, uint256 amount);
    event BondUnlocked(bytes32 indexed strategyId, uint256 amount, bool uncovered);
    event BondSlashed(bytes32 indexed strategyId, uint256 burned, address indexed payee, uint256 paid, bool isDefault);
    event AuctionHouseBound(address indexed auctionHouse);

    error UnknownStrategy(bytes32 strategyId);
    error StrategyExists(bytes32 strategyId);
    error NotOwner(bytes32 strategyId, address caller);
    error NotAuctionHouse(address caller);
    error AlreadyBound();
    error ReservedClass(uint32 classId);
    /// @notice A 256-bit value made of four field elements has one that is not below p.
    error NonCanonical(bytes32 value);
    error ExecutorRefuses(address executor, bytes32 strategyId);
    error BadQuoteRange(int32 minQuote, int32 maxQuote);
    error AlreadyActive(bytes32 strategyId);
    error NotActive(bytes32 strategyId);
    error InsufficientBond(bytes32 strategyId, uint256 free, uint256 needed);
    error WithdrawalNotDue(bytes32 strategyId, uint64 withdrawableAt);
    error WithdrawalPending(bytes32 strategyId);
    error NothingToWithdraw(bytes32 strategyId);
    error ZeroAddress();

    /// @notice Registers a strategy of the caller and takes the value sent as its bond. It starts inactive.
    /// @param market Market whose rounds it takes part in.
    /// @param classId Shape class, above 4 (0 is the null class, 1 to 4 are tournament levels).
    /// @param modelCommitment Salted Poseidon commitment to the weights, four elements of 8 bytes, each below p.
    /// @param executor Contract that delivers; it must accept the strategy.
    /// @param operator Key that may commit for the owner; zero for none.
    /// @param minQuote Least quote in pips, above -1_000_000.
    /// @param maxQuote Greatest quote in pips.
    /// @return strategyId Poseidon over (domain and class, owner, modelCommitment): nobody else can register it.
    function register(
        bytes32 market,
        uint32 classId,
        bytes32 modelCommitment,
        address executor,
        address operator,
        int32 minQuote,
        int32 maxQuote
    ) external payable returns (bytes32 strategyId);

    /// @notice Makes the strategy active from `activationDelay` blocks after this one. The owner may have one active
    ///         strategy per market.
    function activate(bytes32 strategyId) external;

    /// @notice Ends the activity in this block. Rounds that were opened in earlier blocks can still be committed to.
    function retire(bytes32 strategyId) external;

    /// @notice Changes the key that may commit for the owner; zero for none.
    function setOperator(bytes32 strategyId, address operator) external;

    /// @notice Adds the value sent to the strategy's bond; anybody may.
    function deposit(bytes32 strategyId) external payable;

    /// @notice Takes `amount` of the free bond out of use; it can be withdrawn `withdrawalDelay` blocks later.
    function requestWithdrawal(bytes32 strategyId, uint256 amount) external;

    /// @notice Pays the requested amount to `to`. Only the owner.
    function withdraw(bytes32 strategyId, address to) external;

    /// @notice Locks free bond for one commitment. Only the auction house.
    function lock(bytes32 strategyId, uint256 amount) external;

    /// @notice Frees what a commitment had locked. Only the auction house.
    /// @param uncovered True when no settlement covered the commitment.
    function unlock(bytes32 strategyId, uint256 amount, bool uncovered) external;

    /// @notice Takes `amount` of the locked bond: `payment` goes to `payee`, the rest is burned. Only the auction house.
    /// @param isDefault True for a slot that was not delivered, false for a sheet that was not proven.
    function slash(bytes32 strategyId, uint256 amount, address payee, uint256 payment, bool isDefault) external;

    /// @notice The id that `owner` would register; a pure function of its arguments.
    function computeStrategyId(address owner, uint32 classId, bytes32 modelCommitment) external pure returns (bytes32);

    function strategy(bytes32 strategyId) external view returns (Strategy memory);
    function account(bytes32 strategyId) external view returns (BondAccount memory);

    /// @notice The owner's active strategy in a market, zero for none.
    function activeStrategy(address owner, bytes32 market) external view returns (bytes32);

    /// @notice Whether the strategy was active before a round that opened in block `opened`, and not yet retired then.
    function wasActiveBefore(bytes32 strategyId, uint256 opened) external view returns (bool);

    /// @notice Blocks from activation to the first block of activity.
    function activationDelay() external view returns (uint32);

    /// @notice Blocks from the request to the withdrawal of a bond.
    function withdrawalDelay() external view returns (uint32);

    function auctionHouse() external view returns (address);
}
