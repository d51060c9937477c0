//! Stages of a bid, and the reasons for which a bid is given up.

use std::fmt;

/// How far a bid has come. The order is that of the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// The round was seen.
    Seen,
    /// The round is for a strategy of ours that has no sheet in it yet.
    Accepted,
    /// The quotes are computed.
    Evaluated,
    /// The commitment is mined.
    Committed,
    /// The sheet is proven.
    Proved,
    /// A settlement covers the commitment.
    Settled,
    /// Every slot that was won has come to an end, or the fill window has.
    Filled,
}

impl Stage {
    /// All stages, in order.
    pub const ALL: [Self; 7] = [
        Self::Seen,
        Self::Accepted,
        Self::Evaluated,
        Self::Committed,
        Self::Proved,
        Self::Settled,
        Self::Filled,
    ];

    /// Name in the ledger and in metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::Accepted => "accepted",
            Self::Evaluated => "evaluated",
            Self::Committed => "committed",
            Self::Proved => "proved",
            Self::Settled => "settled",
            Self::Filled => "filled",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// Why a bid was given up. The label is kept in the ledger, next to the details, and counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// More rounds are open than the book holds.
    BookFull,
    /// The strategy was not active before the round opened, or is retired.
    NotActive,
    /// The node is silent, behind, or its newest block is too old.
    StaleHead,
    /// Too few blocks of the commit window are left.
    TooLate,
    /// The limit on bids in flight is reached.
    TooManyBids,
    /// The bid would exceed the limit on the exposure of the strategy.
    ExposureLimit,
    /// The strategy's free bond is below what a commitment locks.
    InsufficientBond,
    /// The key cannot pay for the transactions of the round.
    InsufficientGas,
    /// The model bids on no slot of the round.
    NoBid,
    /// The round pins another set of circuits than the one that this program proves with.
    UnknownKeySet,
    /// A quote lies outside the range that the strategy is registered with, so no settlement would take the sheet.
    QuoteOutOfRange,
    /// The ledger refused the sheet: another one of this strategy is recorded for the round.
    SecondSheet,
    /// The ledger could not be read or written.
    LedgerFailed,
    /// The commitment was refused by the contract or by the node.
    CommitRefused,
    /// The commit window closed before the commitment was mined.
    CommitMissed,
    /// The commitment on chain is not the one that the ledger holds.
    ForeignCommitment,
    /// The ledger holds no sheet for the commitment on chain.
    SheetLost,
    /// The prover refused the sheet.
    ProofRefused,
    /// The settle window closed before a settlement covered the commitment.
    SettleMissed,
    /// The round left the canonical chain.
    RoundVanished,
}

impl DropReason {
    /// All reasons.
    pub const ALL: [Self; 20] = [
        Self::BookFull,
        Self::NotActive,
        Self::StaleHead,
        Self::TooLate,
        Self::TooManyBids,
        Self::ExposureLimit,
        Self::InsufficientBond,
        Self::InsufficientGas,
        Self::NoBid,
        Self::UnknownKeySet,
        Self::QuoteOutOfRange,
        Self::SecondSheet,
        Self::LedgerFailed,
        Self::CommitRefused,
        Self::CommitMissed,
        Self::ForeignCommitment,
        Self::SheetLost,
        Self::ProofRefused,
        Self::SettleMissed,
        Self::RoundVanished,
    ];

    /// Name in the ledger and in metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::BookFull => "book-full",
            Self::NotActive => "not-active",
            Self::StaleHead => "stale-head",
            Self::TooLate => "too-late",
            Self::TooManyBids => "too-many-bids",
            Self::ExposureLimit => "exposure-limit",
            Self::InsufficientBond => "insufficient-bond",
            Self::InsufficientGas => "insufficient-gas",
            Self::NoBid => "no-bid",
            Self::UnknownKeySet => "unknown-key-set",
            Self::QuoteOutOfRange => "quote-out-of-range",
            Self::SecondSheet => "second-sheet",
            Self::LedgerFailed => "ledger-failed",
            Self::CommitRefused => "commit-refused",
            Self::CommitMissed => "commit-missed",
            Self::ForeignCommitment => "foreign-commitment",
            Self::SheetLost => "sheet-lost",
            Self::ProofRefused => "proof-refused",
            Self::SettleMissed => "settle-missed",
            Self::RoundVanished => "round-vanished",
        }
    }

    /// The reason with this label.
    pub fn from_label(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.label() == label)
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}
