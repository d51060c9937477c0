// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ReentrancyGuard} from "solady/utils/ReentrancyGuard.sol";
import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";
import {IAuctionHouse, Intent} from "../interfaces/IAuctionHouse.sol";
import {IPermit2Witness} from "../interfaces/IPermit2Witness.sol";
import {IWrappedCoin} from "../interfaces/IWrappedCoin.sol";
import {IntentLib} from "../libraries/IntentLib.sol";
import {OptionsLib} from "../libraries/OptionsLib.sol";

/// @title Orders that sell coins
/// @notice Permit2 moves tokens only. This contract wraps a trader's coins, owns the intent that sells them, and answers for
///         its signature (ERC-1271): placing the order is signing it. The trader takes the coins back at any time before
///         the fill; after the deadline anybody can send them back.
/// @dev Each order can be spent once and for its own amount: its digest binds amount and nonce, Permit2 spends a nonce once,
///      and the upper 160 bits of the nonce are the trader's address, so that nobody spends another's. So the wrapped
///      coins here always cover the open orders.
contract CoinOrders is ReentrancyGuard {
    IAuctionHouse public immutable auctionHouse;
    IPermit2Witness public immutable permit2;
    IWrappedCoin public immutable wrappedCoin;

    /// @notice Trader of an open order by its Permit2 digest; zero when there is none.
    mapping(bytes32 digest => address) public traderOf;

    event OrderPlaced(bytes32 indexed digest, address indexed trader, bytes32 indexed intentHash, Intent intent);
    event OrderEnded(bytes32 indexed digest, address indexed trader, uint256 refund);

    error BadOrder(bytes32 what);
    error OrderExists(bytes32 digest);
    error UnknownOrder(bytes32 digest);
    error NotTrader(address caller);

    constructor(IAuctionHouse auctionHouse_) {
        auctionHouse = auctionHouse_;
        permit2 = IPermit2Witness(auctionHouse_.permit2());
        wrappedCoin = IWrappedCoin(auctionHouse_.wrappedCoin());
        wrappedCoin.approve(address(permit2), type(uint256).max);
    }

    /// @dev Coins come out of the wrapped coin.
    receive() external payable {
        if (msg.sender != address(wrappedCoin)) revert BadOrder("coins");
    }

    /// @notice Places an order that sells the coins sent. Its owner is this contract, its nonce `trader << 96 | any`, and it
    ///         is all or nothing. The signature to fill it with is empty.
    function place(Intent calldata intent) external payable nonReentrant returns (bytes32 digest) {
        if (intent.owner != address(this)) revert BadOrder("owner");
        if (intent.recipient == address(0) || intent.recipient == address(this)) revert BadOrder("recipient");
        if (intent.sellToken != address(wrappedCoin)) revert BadOrder("sellToken");
        if (intent.sellAmount != msg.value || msg.value == 0) revert BadOrder("sellAmount");
        if (intent.nonce >> 96 != uint160(msg.sender)) revert BadOrder("nonce");
        if (intent.deadline < block.timestamp) revert BadOrder("deadline");
        if (OptionsLib.read(intent.appData).leastShare != 0) revert BadOrder("appData");
        if (_spent(intent.nonce)) revert BadOrder("nonce");
        digest = digestOf(intent);
        if (traderOf[digest] != address(0)) revert OrderExists(digest);
        traderOf[digest] = msg.sender;
        emit OrderPlaced(digest, msg.sender, IntentLib.hash(intent), intent);
        wrappedCoin.deposit{value: msg.value}();
    }

    /// @notice Ends an order: by its trader at any time, by anybody after its deadline. What was not sold goes back as coins.
    function end(Intent calldata intent) external nonReentrant returns (uint256 refund) {
        bytes32 digest = digestOf(intent);
        address trader = traderOf[digest];
        if (trader == address(0)) revert UnknownOrder(digest);
        if (msg.sender != trader && block.timestamp <= intent.deadline) revert NotTrader(msg.sender);
        delete traderOf[digest];
        if (!_spent(intent.nonce)) {
            refund = intent.sellAmount;
            permit2.invalidateUnorderedNonces(intent.nonce >> 8, 1 << (intent.nonce & 0xff));
            wrappedCoin.withdraw(refund);
            SafeTransferLib.safeTransferETH(trader, refund);
        }
        emit OrderEnded(digest, trader, refund);
    }

    /// @notice ERC-1271: an open order is signed. Two orders with one nonce cannot both be filled.
    function isValidSignature(bytes32 digest, bytes calldata) external view returns (bytes4) {
        return traderOf[digest] == address(0) ? bytes4(0xffffffff) : this.isValidSignature.selector;
    }

    /// @notice What Permit2 asks a signature for.
    function digestOf(Intent calldata intent) public view returns (bytes32) {
        bytes32 permitted = keccak256(
            abi.encode(keccak256("TokenPermissions(address token,uint256 amount)"), intent.sellToken, intent.sellAmount)
        );
        bytes32 permit = keccak256(
            abi.encode(
                IntentLib.PERMIT_TYPEHASH,
                permitted,
                address(auctionHouse),
                intent.nonce,
                uint256(intent.deadline),
                IntentLib.hash(intent)
            )
        );
        return keccak256(abi.encodePacked("\x19\x01", permit2.DOMAIN_SEPARATOR(), permit));
    }

    function _spent(uint256 nonce) private view returns (bool) {
        return permit2.nonceBitmap(address(this), nonce >> 8) >> (nonce & 0xff) & 1 == 1;
    }
}
