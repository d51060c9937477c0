// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";
import {Fixture} from "./Fixture.sol";
import {MintableWeth} from "./MintableWeth.sol";
import {PlainToken} from "./PlainToken.sol";
import {IExecutor, FillOrder} from "../../src/interfaces/IExecutor.sol";
import {Intent} from "../../src/interfaces/IAuctionHouse.sol";

/// @notice Delivers more than it owes.
contract GenerousExecutor is IExecutor {
    uint256 public extra;

    function setExtra(uint256 extra_) external {
        extra = extra_;
    }

    function acceptsStrategy(bytes32, address) external pure returns (bool) {
        return true;
    }

    function onFill(bytes32, FillOrder calldata order) external {
        SafeTransferLib.safeTransfer(order.buyToken, msg.sender, order.buyAmount + extra);
    }
}

/// @notice A market whose base token is the wrapped coin, and a winner that can deliver more than it owes.
abstract contract CoinMarket is Fixture {
    GenerousExecutor internal generous;
    bytes32 internal generousStrategy;
    address internal rich = makeAddr("rich");
    address internal integrator = makeAddr("integrator");
    address internal treasury = makeAddr("treasury");

    function setUp() public virtual override {
        super.setUp();
        generous = new GenerousExecutor();
        _fund(address(generous), 100);
        generousStrategy = _activeStrategy(rich, address(generous), 1);
        _observe(8);
    }

    function _newBase() internal override returns (PlainToken) {
        MintableWeth weth = new MintableWeth();
        vm.deal(address(weth), 1_000_000 ether);
        return PlainToken(address(weth));
    }

    function _wrappedCoin() internal view override returns (address) {
        return address(base);
    }

    function _appData(address account, uint256 bips, uint256 share, uint256 flags) internal pure returns (bytes32) {
        return bytes32(uint256(uint160(account)) << 96 | bips << 80 | share << 8 | flags);
    }

    function _runOf(Intent memory intent, int32 pips) internal returns (Run memory run) {
        Intent[] memory intents = new Intent[](1);
        intents[0] = intent;
        run = _open(intents);
        _commit(run, rich, generousStrategy);
        run.results[0] = _result(pips, 0, 1);
        _settleAndMove(run, _indices(0));
    }

    function _run(uint256 direction, bytes32 appData) internal returns (Run memory) {
        Intent memory intent = _intent(direction, direction == 0 ? BASE : 2000 * QUOTE, 1, 1);
        intent.appData = appData;
        return _runOf(intent, 1500);
    }
}
