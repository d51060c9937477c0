//! Limits that a bid must keep, checked before it is committed.

use std::time::Duration;

use alloy::primitives::U256;
use sotto_types::Quote;

use super::DropReason;

/// Limits of a solver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RiskLimits {
    /// Bids in flight, over all strategies.
    pub max_bids: usize,
    /// How long the node may have been silent.
    pub max_silence: Duration,
    /// How old the newest block may be by the wall clock; `None` on chains that mine on demand.
    pub max_block_age: Option<Duration>,
    /// Blocks of the commit window that must be left.
    pub min_commit_blocks: u64,
    /// Wei that the key must hold beyond its transactions in flight.
    pub min_gas_balance: U256,
}

impl Default for RiskLimits {
    fn default() -> Self {
        Self {
            max_bids: 32,
            max_silence: Duration::from_secs(15),
            max_block_age: None,
            min_commit_blocks: 1,
            min_gas_balance: U256::from(20_000_000_000_000_000u64),
        }
    }
}

/// What is known at the moment of the decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether the chain's node is heard and all that it has was read.
    pub live: bool,
    /// Age of the newest block by the wall clock.
    pub block_age: Duration,
    /// Blocks of the commit window in which a transaction sent now can be mined.
    pub commit_blocks_left: u64,
    /// Bids in flight without this one.
    pub bids: usize,
    /// What the strategy could have to deliver on with this bid, in raw units of the base token.
    pub exposure: U256,
    /// Limit on it; `None` for none.
    pub max_exposure: Option<U256>,
    /// Whether the bid has a quote on any slot.
    pub bids_on_something: bool,
    /// Whether the round pins the set of circuits that the prover has, with one for this class and round among them.
    pub provable: bool,
    /// The first quote outside the range that the strategy is registered with.
    pub out_of_range: Option<Quote>,
    /// Whether the strategy was active before the round opened.
    pub active: bool,
    /// Bond of the strategy that nothing locks, wei.
    pub free_bond: U256,
    /// What a commitment locks, wei.
    pub needed_bond: U256,
    /// Balance of the key, wei.
    pub gas_balance: U256,
}

/// The first limit that a bid breaks.
///
/// # Errors
/// The reason, with the numbers in words.
pub fn check(limits: &RiskLimits, standing: &Standing) -> Result<(), (DropReason, String)> {
    let fail = |reason, detail: String| Err((reason, detail));
    if !standing.live {
        return fail(DropReason::StaleHead, "the node is silent or not all of its blocks were read".into());
    }
    if let Some(limit) = limits.max_block_age.filter(|limit| standing.block_age > *limit) {
        let age = standing.block_age.as_secs();
        return fail(
            DropReason::StaleHead,
            format!("the newest block is {age} s old, the limit is {limit:?}"),
        );
    }
    if standing.commit_blocks_left < limits.min_commit_blocks.max(1) {
        let (left, least) = (standing.commit_blocks_left, limits.min_commit_blocks.max(1));
        return fail(
            DropReason::TooLate,
            format!("{left} blocks of the commit window are left, {least} are needed"),
        );
    }
    if !standing.active {
        return fail(DropReason::NotActive, "the strategy was not active before the round opened".into());
    }
    if !standing.bids_on_something {
        return fail(DropReason::NoBid, "the model bids on no slot".into());
    }
    if !standing.provable {
        return fail(
            DropReason::UnknownKeySet,
            "the round pins a set of circuits that this program has no proof for".into(),
        );
    }
    if let Some(quote) = standing.out_of_range {
        return fail(
            DropReason::QuoteOutOfRange,
            format!("the model bids {quote} pips, outside the registered range"),
        );
    }
    if standing.bids >= limits.max_bids {
        return fail(
            DropReason::TooManyBids,
            format!("{} bids are in flight, the limit is {}", standing.bids, limits.max_bids),
        );
    }
    if let Some(limit) = standing.max_exposure.filter(|limit| standing.exposure > *limit) {
        let total = standing.exposure;
        return fail(
            DropReason::ExposureLimit,
            format!("{total} raw base units would be in flight, the limit is {limit}"),
        );
    }
    if standing.free_bond < standing.needed_bond {
        let (free, needed) = (standing.free_bond, standing.needed_bond);
        return fail(
            DropReason::InsufficientBond,
            format!("{free} wei of bond are free, a commitment locks {needed}"),
        );
    }
    if standing.gas_balance < limits.min_gas_balance {
        let (have, need) = (standing.gas_balance, limits.min_gas_balance);
        return fail(
            DropReason::InsufficientGas,
            format!("the key holds {have} wei, at least {need} are needed"),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Standing {
        Standing {
            live: true,
            block_age: Duration::ZERO,
            commit_blocks_left: 3,
            bids: 0,
            exposure: U256::from(10),
            max_exposure: Some(U256::from(10)),
            bids_on_something: true,
            provable: true,
            out_of_range: None,
            active: true,
            free_bond: U256::from(5),
            needed_bond: U256::from(5),
            gas_balance: U256::from(5),
        }
    }

    fn limits() -> RiskLimits {
        RiskLimits {
            max_bids: 2,
            max_block_age: Some(Duration::from_secs(10)),
            min_commit_blocks: 2,
            min_gas_balance: U256::from(5),
            ..RiskLimits::default()
        }
    }

    fn outcome(change: impl FnOnce(&mut Standing)) -> Option<DropReason> {
        let mut standing = good();
        change(&mut standing);
        check(&limits(), &standing).err().map(|(reason, _)| reason)
    }

    // covers: R1 R14 T13
    #[test]
    fn each_limit_stops_a_bid_one_past_its_edge() {
        assert_eq!(outcome(|_| {}), None, "every value is at its limit");
        assert_eq!(outcome(|s| s.live = false), Some(DropReason::StaleHead));
        assert_eq!(outcome(|s| s.block_age = Duration::from_secs(11)), Some(DropReason::StaleHead));
        assert_eq!(outcome(|s| s.commit_blocks_left = 1), Some(DropReason::TooLate));
        assert_eq!(outcome(|s| s.active = false), Some(DropReason::NotActive));
        assert_eq!(outcome(|s| s.bids_on_something = false), Some(DropReason::NoBid));
        assert_eq!(outcome(|s| s.provable = false), Some(DropReason::UnknownKeySet));
        assert_eq!(outcome(|s| s.out_of_range = Some(-1)), Some(DropReason::QuoteOutOfRange));
        assert_eq!(outcome(|s| s.bids = 2), Some(DropReason::TooManyBids));
        assert_eq!(outcome(|s| s.exposure = U256::from(11)), Some(DropReason::ExposureLimit));
        assert_eq!(outcome(|s| s.free_bond = U256::from(4)), Some(DropReason::InsufficientBond));
        assert_eq!(outcome(|s| s.gas_balance = U256::from(4)), Some(DropReason::InsufficientGas));
    }
}
