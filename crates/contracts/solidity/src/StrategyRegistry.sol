// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";
import {SafeCastLib} from "solady/utils/SafeCastLib.sol";
import {IStrategyRegistry, Strategy, BondAccount} from "./interfaces/IStrategyRegistry.sol";
import {IExecutor} from "./interfaces/IExecutor.sol";
import {Canonical} from "./libraries/Canonical.sol";
import {StrategyIdLib} from "./libraries/StrategyIdLib.sol";

/// @title Strategies, who may act for them, and their bonds
/// @dev The sum of all accounts' `bond` and `withdrawing` never exceeds the balance; coins forced in are not counted.
contract StrategyRegistry is IStrategyRegistry {
    using SafeCastLib for uint256;

    /// @dev Where burned bonds go.
    address internal constant BURN = 0x000000000000000000000000000000000000dEaD;
    /// @dev Enough for a contract wallet to take coins; what fails within it is forced through.
    uint256 internal constant PAYMENT_GAS = 100_000;
    /// @dev Class ids up to this one are the null class and the tournament's levels.
    uint32 internal constant LAST_RESERVED_CLASS = 4;

    /// @inheritdoc IStrategyRegistry
    uint32 public immutable activationDelay;
    /// @inheritdoc IStrategyRegistry
    uint32 public immutable withdrawalDelay;
    /// @notice Who may name the auction house, once. Given, not the creator: a contract that creates at addresses known
    ///         beforehand is everybody's.
    address public immutable binder;
    /// @inheritdoc IStrategyRegistry
    address public auctionHouse;

    /// @inheritdoc IStrategyRegistry
    mapping(address owner => mapping(bytes32 market => bytes32)) public activeStrategy;
    mapping(bytes32 strategyId => Strategy) internal _strategies;
    mapping(bytes32 strategyId => BondAccount) internal _accounts;

    modifier onlyOwnerOf(bytes32 strategyId) {
        _checkOwner(strategyId);
        _;
    }

    modifier onlyAuctionHouse() {
        if (msg.sender != auctionHouse) revert NotAuctionHouse(msg.sender);
        _;
    }

    /// @param activationDelay_ Blocks from activation to activity (D).
    /// @param withdrawalDelay_ Blocks from the request of a withdrawal to its payment.
    /// @param binder_ Who names the auction house.
    constructor(uint32 activationDelay_, uint32 withdrawalDelay_, address binder_) {
        activationDelay = activationDelay_;
        withdrawalDelay = withdrawalDelay_;
        binder = binder_;
    }

    /// @notice Names the one auction house that may lock and slash bonds; once, by the binder.
    function bindAuctionHouse(address auctionHouse_) external {
        if (msg.sender != binder) revert NotOwner(0, msg.sender);
        if (auctionHouse != address(0)) revert AlreadyBound();
        if (auctionHouse_ == address(0)) revert ZeroAddress();
        auctionHouse = auctionHouse_;
        emit AuctionHouseBound(auctionHouse_);
    }

    /// @inheritdoc IStrategyRegistry
    function register(
        bytes32 market,
        uint32 classId,
        bytes32 modelCommitment,
        address executor,
        address operator,
        int32 minQuote,
        int32 maxQuote
    ) external payable returns (bytes32 strategyId) {
        if (classId <= LAST_RESERVED_CLASS) revert ReservedClass(classId);
        if (!Canonical.isCanonical(modelCommitment)) revert NonCanonical(modelCommitment);
        if (minQuote > maxQuote || minQuote <= -1_000_000) revert BadQuoteRange(minQuote, maxQuote);
        strategyId = StrategyIdLib.compute(msg.sender, classId, modelCommitment);
        if (_strategies[strategyId].owner != address(0)) revert StrategyExists(strategyId);

        _strategies[strategyId] = Strategy({
            owner: msg.sender,
            activeFrom: 0,
            classId: classId,
            operator: operator,
            retiredAt: 0,
            executor: executor,
            minQuote: minQuote,
            maxQuote: maxQuote,
            market: market,
            modelCommitment: modelCommitment
        });
        emit Registered(
            strategyId, msg.sender, market, classId, modelCommitment, executor, operator, minQuote, maxQuote
        );
        if (msg.value != 0) _credit(strategyId);
        if (executor.code.length == 0 || !IExecutor(executor).acceptsStrategy(strategyId, msg.sender)) {
            revert ExecutorRefuses(executor, strategyId);
        }
    }

    /// @inheritdoc IStrategyRegistry
    function activate(bytes32 strategyId) external onlyOwnerOf(strategyId) {
        Strategy storage s = _strategies[strategyId];
        bytes32 active = activeStrategy[msg.sender][s.market];
        if (active != 0) revert AlreadyActive(active);
        activeStrategy[msg.sender][s.market] = strategyId;
        s.retiredAt = 0;
        s.activeFrom = (block.number + activationDelay).toUint64();
        emit Activated(strategyId, s.activeFrom);
    }

    /// @inheritdoc IStrategyRegistry
    function retire(bytes32 strategyId) external onlyOwnerOf(strategyId) {
        Strategy storage s = _strategies[strategyId];
        if (activeStrategy[msg.sender][s.market] != strategyId) revert NotActive(strategyId);
        delete activeStrategy[msg.sender][s.market];
        s.retiredAt = block.number.toUint64();
        emit Retired(strategyId, s.retiredAt);
    }

    /// @inheritdoc IStrategyRegistry
    function setOperator(bytes32 strategyId, address operator) external onlyOwnerOf(strategyId) {
        _strategies[strategyId].operator = operator;
        emit OperatorChanged(strategyId, operator);
    }

    /// @inheritdoc IStrategyRegistry
    function deposit(bytes32 strategyId) external payable {
        if (_strategies[strategyId].owner == address(0)) revert UnknownStrategy(strategyId);
        _credit(strategyId);
    }

    /// @inheritdoc IStrategyRegistry
    function requestWithdrawal(bytes32 strategyId, uint256 amount) external onlyOwnerOf(strategyId) {
        BondAccount storage a = _accounts[strategyId];
        if (a.withdrawing != 0) revert WithdrawalPending(strategyId);
        if (amount == 0) revert NothingToWithdraw(strategyId);
        _checkFree(strategyId, a, amount);
        a.bond -= amount.toUint128();
        a.withdrawing = amount.toUint128();
        a.withdrawableAt = (block.number + withdrawalDelay).toUint64();
        emit WithdrawalRequested(strategyId, amount, a.withdrawableAt);
    }

    /// @inheritdoc IStrategyRegistry
    function withdraw(bytes32 strategyId, address to) external onlyOwnerOf(strategyId) {
        BondAccount storage a = _accounts[strategyId];
        uint256 amount = a.withdrawing;
        if (amount == 0) revert NothingToWithdraw(strategyId);
        if (block.number < a.withdrawableAt) revert WithdrawalNotDue(strategyId, a.withdrawableAt);
        if (to == address(0)) revert ZeroAddress();
        a.withdrawing = 0;
        emit BondWithdrawn(strategyId, to, amount);
        SafeTransferLib.safeTransferETH(to, amount);
    }

    /// @inheritdoc IStrategyRegistry
    function lock(bytes32 strategyId, uint256 amount) external onlyAuctionHouse {
        BondAccount storage a = _accounts[strategyId];
        _checkFree(strategyId, a, amount);
        a.locked += amount.toUint128();
        ++a.committed;
        emit BondLocked(strategyId, amount);
    }

    /// @inheritdoc IStrategyRegistry
    function unlock(bytes32 strategyId, uint256 amount, bool uncovered) external onlyAuctionHouse {
        BondAccount storage a = _accounts[strategyId];
        a.locked -= amount.toUint128();
        if (uncovered) ++a.uncovered;
        emit BondUnlocked(strategyId, amount, uncovered);
    }

    /// @inheritdoc IStrategyRegistry
    function slash(bytes32 strategyId, uint256 amount, address payee, uint256 payment, bool isDefault)
        external
        onlyAuctionHouse
    {
        BondAccount storage a = _accounts[strategyId];
        a.locked -= amount.toUint128();
        a.bond -= amount.toUint128();
        if (isDefault) ++a.defaults;
        uint256 burned = amount - payment;
        emit BondSlashed(strategyId, burned, payee, payment, isDefault);
        if (burned != 0) SafeTransferLib.forceSafeTransferETH(BURN, burned, PAYMENT_GAS);
        if (payment != 0) SafeTransferLib.forceSafeTransferETH(payee, payment, PAYMENT_GAS);
    }

    /// @inheritdoc IStrategyRegistry
    function computeStrategyId(address owner, uint32 classId, bytes32 modelCommitment) external pure returns (bytes32) {
        return StrategyIdLib.compute(owner, classId, modelCommitment);
    }

    /// @inheritdoc IStrategyRegistry
    function strategy(bytes32 strategyId) external view returns (Strategy memory) {
        return _strategies[strategyId];
    }

    /// @inheritdoc IStrategyRegistry
    function account(bytes32 strategyId) external view returns (BondAccount memory) {
        return _accounts[strategyId];
    }

    /// @inheritdoc IStrategyRegistry
    function wasActiveBefore(bytes32 strategyId, uint256 opened) external view returns (bool) {
        Strategy storage s = _strategies[strategyId];
        return s.activeFrom != 0 && s.activeFrom < opened && (s.retiredAt == 0 || s.retiredAt > opened);
    }

    function _credit(bytes32 strategyId) private {
        _accounts[strategyId].bond += msg.value.toUint128();
        emit BondDeposited(strategyId, msg.sender, msg.value);
    }

    function _checkFree(bytes32 strategyId, BondAccount storage a, uint256 amount) private view {
        uint256 free = a.bond - a.locked;
        if (free < amount) revert InsufficientBond(strategyId, free, amount);
    }

    function _checkOwner(bytes32 strategyId) private view {
        address owner = _strategies[strategyId].owner;
        if (owner == address(0)) revert UnknownStrategy(strategyId);
        if (owner != msg.sender) revert NotOwner(strategyId, msg.sender);
    }
}
