//! Why the gateway does not take something, said so that a program and a person can act on it.

use std::fmt;

use alloy::primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};
use sotto_types::{IntentError, SignatureError};
use thiserror::Error;

/// A refusal: nothing was changed by the request.
#[derive(Clone, Debug, Error, PartialEq, Eq, Serialize, Deserialize)]
#[error("{reason} ({code})")]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// What kind of refusal it is; stable, and the label under which it is counted.
    pub code: RefusalCode,
    /// What is wrong with this request, in words.
    pub reason: String,
}

/// Kinds of refusals. Names are stable: clients and dashboards rely on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RefusalCode {
    /// A field of the intent breaks a rule that holds whatever the time and the state of the chain.
    MalformedIntent,
    /// The intent's tokens are not the pair of its market.
    NotThePair,
    /// The deadline has passed.
    Expired,
    /// The deadline lies too far ahead.
    FarDeadline,
    /// This gateway does not serve the market.
    UnknownMarket,
    /// The signature is not in a documented form.
    BadSignature,
    /// Somebody else signed.
    WrongSigner,
    /// The owner is a contract, and it did not confirm the signature.
    ContractRefused,
    /// The signature is for a contract that is not deployed yet (ERC-6492).
    NotDeployed,
    /// The Permit2 nonce is spent or cancelled.
    NonceUsed,
    /// Another live intent of the owner has the same nonce.
    NonceTaken,
    /// The owner's token balance is below the amount sold.
    InsufficientBalance,
    /// The owner's allowance to Permit2 is below the amount sold.
    InsufficientAllowance,
    /// The gateway has this intent already.
    AlreadyKnown,
    /// The owner has as many live intents as one owner may have.
    SenderLimit,
    /// The book of intents is full.
    BookFull,
    /// The gateway does not know the intent.
    UnknownIntent,
    /// The intent has come to its end already.
    AlreadyFinal,
    /// The intent stands behind a slot of a running round.
    InRound,
    /// A cancellation without a signature, while the nonce is still unspent.
    NonceStillOpen,
    /// The gateway runs no such round.
    UnknownRound,
    /// The commit window of the round is still open, or not yet confirmed.
    TooEarly,
    /// The time for sheets of the round is over.
    TooLate,
    /// The sheet proof is larger than any sheet of an allowed class.
    TooLarge,
    /// The sheet's commitment is not the one on chain.
    CommitmentMismatch,
    /// The sheet is about another round, snapshot or slots, or another set of circuits.
    WrongRound,
    /// A quote lies outside of the strategy's registered range.
    QuoteOutOfRange,
    /// A sheet for this commitment was taken before, or a settlement covers it.
    AlreadyCovered,
    /// The proof does not verify.
    InvalidProof,
    /// More requests are in work than the gateway takes on at once.
    Busy,
    /// The chain could not be asked.
    ChainUnavailable,
    /// The ledger could not be written.
    StorageFailed,
    /// The gateway is shutting down.
    ShuttingDown,
}

impl RefusalCode {
    /// All kinds, in the order of [`RefusalCode::number`].
    pub const ALL: [Self; 33] = [
        Self::MalformedIntent,
        Self::NotThePair,
        Self::Expired,
        Self::FarDeadline,
        Self::UnknownMarket,
        Self::BadSignature,
        Self::WrongSigner,
        Self::ContractRefused,
        Self::NotDeployed,
        Self::NonceUsed,
        Self::NonceTaken,
        Self::InsufficientBalance,
        Self::InsufficientAllowance,
        Self::AlreadyKnown,
        Self::SenderLimit,
        Self::BookFull,
        Self::UnknownIntent,
        Self::AlreadyFinal,
        Self::InRound,
        Self::NonceStillOpen,
        Self::UnknownRound,
        Self::TooEarly,
        Self::TooLate,
        Self::TooLarge,
        Self::CommitmentMismatch,
        Self::WrongRound,
        Self::QuoteOutOfRange,
        Self::AlreadyCovered,
        Self::InvalidProof,
        Self::Busy,
        Self::ChainUnavailable,
        Self::StorageFailed,
        Self::ShuttingDown,
    ];

    /// The name on the wire and in metrics.
    pub const fn label(self) -> &'static str {
        self.row().1
    }

    /// The number of the JSON-RPC error: 1000s for intents, 2000s for sheets, 3000s for the service itself.
    pub const fn number(self) -> i32 {
        self.row().0
    }

    /// What the sender can do about it.
    pub const fn advice(self) -> &'static str {
        self.row().2
    }

    #[rustfmt::skip]
    const fn row(self) -> (i32, &'static str, &'static str) {
        match self {
            Self::MalformedIntent => (1001, "malformed-intent", "correct the field that the reason names, and sign again"),
            Self::NotThePair => (1002, "not-the-pair", "use the token pair of the market, see sotto_getMarkets"),
            Self::Expired => (1003, "expired", "sign an intent with a later deadline"),
            Self::FarDeadline => (1004, "far-deadline", "sign an intent with an earlier deadline"),
            Self::UnknownMarket => (1005, "unknown-market", "use a market that sotto_getMarkets lists"),
            Self::BadSignature => (1006, "bad-signature", "send 65 bytes r, s, v with v 27 or 28 and low s, or the 64 bytes of EIP-2098"),
            Self::WrongSigner => (1007, "wrong-signer", "sign with the owner's key, for this chain, Permit2 and this auction house"),
            Self::ContractRefused => (1008, "contract-refused", "check that the owner contract's isValidSignature accepts the permit digest within the gas limit"),
            Self::NotDeployed => (1009, "not-deployed", "deploy the account first; ERC-6492 signatures are not taken"),
            Self::NonceUsed => (1010, "nonce-used", "sign with a Permit2 nonce that is not spent"),
            Self::NonceTaken => (1011, "nonce-taken", "cancel the other intent, or sign with another nonce"),
            Self::InsufficientBalance => (1012, "insufficient-balance", "fund the owner, or sell less"),
            Self::InsufficientAllowance => (1013, "insufficient-allowance", "approve Permit2 for the sell token"),
            Self::AlreadyKnown => (1014, "already-known", "ask sotto_getIntent for its state"),
            Self::SenderLimit => (1015, "sender-limit", "wait for a live intent to end, or cancel one"),
            Self::BookFull => (1016, "book-full", "try again later"),
            Self::UnknownIntent => (1017, "unknown-intent", "check the intent hash"),
            Self::AlreadyFinal => (1018, "already-final", "nothing: sotto_getIntent tells how it ended"),
            Self::InRound => (1019, "in-round", "wait for the round's end, or invalidate the Permit2 nonce on chain and cancel again"),
            Self::NonceStillOpen => (1020, "nonce-still-open", "sign the cancellation, or invalidate the Permit2 nonce on chain first"),
            Self::UnknownRound => (2001, "unknown-round", "submit to the gateway that opened the round"),
            Self::TooEarly => (2002, "too-early", "submit again once the commit window has closed and is confirmed"),
            Self::TooLate => (2003, "too-late", "settle the sheet yourself while the settle window is open"),
            Self::TooLarge => (2004, "too-large", "send the sheet proof alone, in its canonical encoding"),
            Self::CommitmentMismatch => (2005, "commitment-mismatch", "send the sheet whose commitment is on chain"),
            Self::WrongRound => (2006, "wrong-round", "prove the sheet for this round's id, features, slots and key set"),
            Self::QuoteOutOfRange => (2007, "quote-out-of-range", "register the strategy with a range that holds the model's quotes"),
            Self::AlreadyCovered => (2008, "already-covered", "nothing: the commitment is taken care of"),
            Self::InvalidProof => (2009, "invalid-proof", "verify the proof before you send it, and check class and capacity"),
            Self::Busy => (3001, "busy", "try again in a moment"),
            Self::ChainUnavailable => (3002, "chain-unavailable", "try again in a moment"),
            Self::StorageFailed => (3003, "storage-failed", "try again later; the operator has been alerted"),
            Self::ShuttingDown => (3004, "shutting-down", "try again once the gateway is back"),
        }
    }
}

impl fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

impl Refusal {
    /// A refusal with its reason.
    pub fn new(code: RefusalCode, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }

    /// What the sender can do about it.
    pub const fn advice(&self) -> &'static str {
        self.code.advice()
    }

    /// The refusal as anybody may hear it: hashes of intents are public, so whoever has one must not learn from it what the
    /// intent contains, or who its owner is.
    pub(crate) fn without_contents(self) -> Self {
        let reason = match self.code {
            RefusalCode::WrongSigner => "somebody else signed",
            RefusalCode::ContractRefused => "the owner contract did not confirm the signature",
            RefusalCode::NonceUsed => "the nonce is spent or cancelled",
            RefusalCode::NonceStillOpen => "the nonce is unspent",
            RefusalCode::InsufficientBalance => "the owner's balance is below the amount sold",
            RefusalCode::InsufficientAllowance => "the owner's allowance to Permit2 is below the amount sold",
            _ => return self,
        };
        Self::new(self.code, reason)
    }

    pub(crate) fn unknown_market(market: B256) -> Self {
        Self::new(RefusalCode::UnknownMarket, format!("market {market} is not served here"))
    }

    pub(crate) fn unknown_intent(hash: B256) -> Self {
        Self::new(RefusalCode::UnknownIntent, format!("intent {hash} was never accepted here"))
    }

    pub(crate) fn wrong_signer(signer: Address, owner: Address) -> Self {
        Self::new(RefusalCode::WrongSigner, format!("{signer} signed, the owner is {owner}"))
    }

    pub(crate) fn short_of(code: RefusalCode, have: U256, need: U256) -> Self {
        let what = if code == RefusalCode::InsufficientBalance { "balance" } else { "allowance to Permit2" };
        Self::new(code, format!("the owner's {what} is {have}, the intent sells {need}"))
    }
}

impl From<IntentError> for Refusal {
    fn from(error: IntentError) -> Self {
        let code = match error {
            IntentError::NotThePair { .. } => RefusalCode::NotThePair,
            IntentError::Expired { .. } => RefusalCode::Expired,
            IntentError::FarDeadline { .. } => RefusalCode::FarDeadline,
            _ => RefusalCode::MalformedIntent,
        };
        Self::new(code, error.to_string())
    }
}

impl From<SignatureError> for Refusal {
    fn from(error: SignatureError) -> Self {
        Self::new(RefusalCode::BadSignature, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    // covers: D13
    #[test]
    fn what_anybody_may_hear_names_no_owner_nonce_or_amount() {
        let told = |refusal: Refusal| (refusal.code, refusal.without_contents());
        let (signer, owner) = (Address::repeat_byte(0x11), Address::repeat_byte(0x22));
        let [have, need] = [31_337u64, 71_077].map(U256::from);
        for (code, told) in [
            told(Refusal::wrong_signer(signer, owner)),
            told(Refusal::new(RefusalCode::ContractRefused, format!("owner contract {owner} failed"))),
            told(Refusal::new(RefusalCode::NonceUsed, format!("nonce {need} is spent"))),
            told(Refusal::new(RefusalCode::NonceStillOpen, format!("nonce {need} is unspent"))),
            told(Refusal::short_of(RefusalCode::InsufficientBalance, have, need)),
            told(Refusal::short_of(RefusalCode::InsufficientAllowance, have, need)),
        ] {
            assert_eq!(told.code, code);
            assert!(!told.reason.contains(|c: char| c.is_ascii_digit() && c != '2'), "{}", told.reason);
            assert!(!told.reason.contains("0x"), "{}", told.reason);
        }
    }

    #[test]
    fn every_code_has_its_own_name_and_number_and_the_wire_form_is_the_name() {
        let labels: BTreeSet<_> = RefusalCode::ALL.iter().map(|c| c.label()).collect();
        let numbers: BTreeSet<_> = RefusalCode::ALL.iter().map(|c| c.number()).collect();
        assert_eq!((labels.len(), numbers.len()), (RefusalCode::ALL.len(), RefusalCode::ALL.len()));
        for code in RefusalCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.label());
            assert!(!code.advice().is_empty());
        }
    }
}
