//! The trader's signed intent: an EIP-712 struct that Permit2 carries as a witness.

use alloy_primitives::{Address, B256, U256, address};
use alloy_sol_types::{Eip712Domain, SolStruct, sol};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{DEADLINE_EPOCH, LIMIT_UNDISCLOSED, SlotFeatures, log2_q22};

/// The canonical deployment of Permit2.
pub const PERMIT2: Address = address!("000000000022D473030F116dDEE9F6B43aC78BA3");

/// The witness type string that the contract hands to Permit2.
pub const WITNESS_TYPE_STRING: &str = "Intent witness)Intent(address owner,address recipient,address sellToken,address buyToken,uint256 sellAmount,uint256 minBuyAmount,uint64 validFrom,uint64 deadline,uint256 nonce,bytes32 market,bytes32 appData)TokenPermissions(address token,uint256 amount)";

sol! {
    /// An order to sell an exact amount for at least a minimum, valid in a window of Unix seconds, both ends included.
    #[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Intent {
        address owner;
        address recipient;
        address sellToken;
        address buyToken;
        uint256 sellAmount;
        uint256 minBuyAmount;
        uint64 validFrom;
        uint64 deadline;
        uint256 nonce;
        bytes32 market;
        bytes32 appData;
    }

    /// Permit2's grant of one transfer.
    #[derive(Debug)]
    struct TokenPermissions {
        address token;
        uint256 amount;
    }

    /// What the trader signs, under Permit2's domain.
    #[derive(Debug)]
    struct PermitWitnessTransferFrom {
        TokenPermissions permitted;
        address spender;
        uint256 nonce;
        uint256 deadline;
        Intent witness;
    }
}

/// Which side of the market an intent takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Sells the base token, buys the quote token.
    SellsBase = 0,
    /// Sells the quote token, buys the base token.
    SellsQuote = 1,
}

/// Why an intent is malformed, whatever the time and the market.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum IntentError {
    /// An address that must be set is zero.
    #[error("{field} is the zero address")]
    ZeroAddress {
        /// The field.
        field: &'static str,
    },
    /// Selling a token for itself.
    #[error("the sell token and the buy token are both {0}")]
    SameToken(Address),
    /// The tokens are not the market's pair.
    #[error("{sell} for {buy} is not a pair of this market")]
    NotThePair {
        /// Token sold.
        sell: Address,
        /// Token bought.
        buy: Address,
    },
    /// The amount sold is zero, or 2^200 or more.
    #[error("sell amount {0} is not between 1 and 2^200 - 1")]
    SellAmount(U256),
    /// The least amount bought is zero.
    #[error("the minimum buy amount is zero")]
    ZeroMinimum,
    /// The validity window is empty.
    #[error("valid from {valid_from} until {deadline} is an empty window")]
    EmptyWindow {
        /// First valid second.
        valid_from: u64,
        /// Last valid second.
        deadline: u64,
    },
    /// The intent is past its deadline.
    #[error("the deadline {deadline} passed at {now}")]
    Expired {
        /// Last valid second.
        deadline: u64,
        /// Time of the chain.
        now: u64,
    },
    /// The deadline lies too far ahead.
    #[error("the deadline {deadline} is later than {latest}")]
    FarDeadline {
        /// Last valid second.
        deadline: u64,
        /// Latest deadline taken.
        latest: u64,
    },
}

/// Longest time ahead that a deadline may lie, seconds.
const LONGEST_VALIDITY: u64 = 30 * 24 * 3600;

/// Checks of an intent against its market's pair `(base, quote)` and the chain's time in Unix seconds.
///
/// # Errors
/// The first rule that it breaks.
pub fn validate_intent(
    intent: &Intent,
    base: Address,
    quote: Address,
    now: u64,
) -> Result<Direction, IntentError> {
    for (field, value) in [
        ("owner", intent.owner),
        ("recipient", intent.recipient),
        ("sellToken", intent.sellToken),
        ("buyToken", intent.buyToken),
    ] {
        if value.is_zero() {
            return Err(IntentError::ZeroAddress { field });
        }
    }
    if intent.sellToken == intent.buyToken {
        return Err(IntentError::SameToken(intent.sellToken));
    }
    let direction = match (intent.sellToken, intent.buyToken) {
        pair if pair == (base, quote) => Direction::SellsBase,
        pair if pair == (quote, base) => Direction::SellsQuote,
        (sell, buy) => return Err(IntentError::NotThePair { sell, buy }),
    };
    if intent.sellAmount.is_zero() || intent.sellAmount.bit_len() > 200 {
        return Err(IntentError::SellAmount(intent.sellAmount));
    }
    if intent.minBuyAmount.is_zero() {
        return Err(IntentError::ZeroMinimum);
    }
    let (valid_from, deadline) = (intent.validFrom, intent.deadline);
    if valid_from > deadline {
        return Err(IntentError::EmptyWindow { valid_from, deadline });
    }
    if deadline < now {
        return Err(IntentError::Expired { deadline, now });
    }
    let latest = now.saturating_add(LONGEST_VALIDITY);
    if deadline > latest {
        return Err(IntentError::FarDeadline { deadline, latest });
    }
    Ok(direction)
}

/// The EIP-712 struct hash of an intent.
pub fn intent_hash(intent: &Intent) -> B256 {
    intent.eip712_hash_struct()
}

/// The digest that the owner signs: Permit2's `PermitWitnessTransferFrom` with the intent as witness.
pub fn permit_digest(intent: &Intent, chain_id: u64, auction_house: Address) -> B256 {
    let domain = Eip712Domain {
        name: Some("Permit2".into()),
        version: None,
        chain_id: Some(U256::from(chain_id)),
        verifying_contract: Some(PERMIT2),
        salt: None,
    };
    PermitWitnessTransferFrom {
        permitted: TokenPermissions { token: intent.sellToken, amount: intent.sellAmount },
        spender: auction_house,
        nonce: intent.nonce,
        deadline: U256::from(intent.deadline),
        witness: intent.clone(),
    }
    .eip712_signing_hash(&domain)
}

/// Whether the trader lets solvers see the limit price: the lowest bit of `appData`.
fn discloses_limit(intent: &Intent) -> bool {
    intent.appData.0[31] & 1 == 1
}

/// The features that a slot shows of an intent, a function of the intent alone.
pub fn slot_features(intent: &Intent, direction: Direction) -> SlotFeatures {
    let deadline = i64::try_from(intent.deadline)
        .unwrap_or(i64::MAX)
        .saturating_sub(i64::try_from(DEADLINE_EPOCH).unwrap_or(0))
        .clamp(i64::from(i32::MIN), i64::from(i32::MAX));
    let limit = if discloses_limit(intent) {
        log2_q22(intent.minBuyAmount).saturating_sub(log2_q22(intent.sellAmount))
    } else {
        LIMIT_UNDISCLOSED
    };
    [direction as i32, log2_q22(intent.sellAmount), i32::try_from(deadline).unwrap_or(i32::MAX), limit]
}
