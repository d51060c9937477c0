//! EIP-1559 fees: first offer and replacement.

/// Raise of both fees for a replacement, percent. Nodes ask for 12.5; the rest covers rounding.
pub const BUMP_PERCENT: u128 = 13;

/// Fees of one signed version, wei per gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fees {
    /// Highest total fee.
    pub max_fee: u128,
    /// Highest priority fee, at most `max_fee`.
    pub priority_fee: u128,
}

impl Fees {
    /// First offer: twice the base fee and the priority fee, at most the cap. `None` when the base fee alone exceeds the
    /// cap: such a transaction could not be included.
    pub fn offer(base_fee: u128, priority_fee: u128, cap: u128) -> Option<Self> {
        if base_fee > cap {
            return None;
        }
        let max_fee = base_fee.saturating_mul(2).saturating_add(priority_fee).min(cap);
        Some(Self { max_fee, priority_fee: priority_fee.min(max_fee) })
    }

    /// Fees that replace `self`: both raised by [`BUMP_PERCENT`], or to the present `market` offer where that is more.
    /// `None` when the cap leaves no room for a replacement that nodes accept.
    pub fn bump(self, market: Option<Self>, cap: u128) -> Option<Self> {
        let market = market.unwrap_or(self);
        let max_fee = raise(self.max_fee).max(market.max_fee).min(cap);
        let priority_fee = raise(self.priority_fee).max(market.priority_fee).min(max_fee);
        let fits = max_fee >= least(self.max_fee) && priority_fee >= least(self.priority_fee);
        fits.then_some(Self { max_fee, priority_fee })
    }
}

/// Raised by [`BUMP_PERCENT`], rounded up.
fn raise(fee: u128) -> u128 {
    fee.saturating_add(fee.saturating_mul(BUMP_PERCENT).div_ceil(100)).max(fee.saturating_add(1))
}

/// The least that nodes accept as a replacement: 12.5 percent more, rounded up.
fn least(fee: u128) -> u128 {
    fee.saturating_add(fee.div_ceil(8)).max(fee.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: T4
    #[test]
    fn a_bump_raises_both_fees_by_at_least_an_eighth() {
        for fee in [1u128, 7, 8, 9, 100, 999_999_937, 30_000_000_000] {
            let old = Fees { max_fee: fee, priority_fee: fee / 2 };
            let new = old.bump(None, u128::MAX).unwrap();
            assert!(new.max_fee * 8 >= old.max_fee * 9, "{fee}");
            assert!(new.priority_fee * 8 >= old.priority_fee * 9, "{fee}");
            assert!(new.priority_fee <= new.max_fee);
        }
    }

    #[test]
    fn a_bump_follows_the_market_when_that_rose_more() {
        let old = Fees { max_fee: 100, priority_fee: 10 };
        let market = Fees { max_fee: 500, priority_fee: 5 };
        assert_eq!(old.bump(Some(market), 1_000), Some(Fees { max_fee: 500, priority_fee: 12 }));
    }

    // covers: T5
    #[test]
    fn the_cap_stops_bumps_rather_than_sending_what_nodes_refuse() {
        let old = Fees { max_fee: 100, priority_fee: 10 };
        assert_eq!(old.bump(None, 112), None);
        assert_eq!(old.bump(None, 113), Some(Fees { max_fee: 113, priority_fee: 12 }));
        assert_eq!(Fees::offer(101, 1, 100), None);
        assert_eq!(Fees::offer(80, 30, 100), Some(Fees { max_fee: 100, priority_fee: 30 }));
    }
}
