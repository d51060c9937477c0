//! Who wins: the rules by which claims are made of sheets and merged, natively, as the circuits prove them; and
//! [`tournament`], the plain reference that circuits, contract and gateway are tested against.

use thiserror::Error;

use crate::{Claim, NO_BID, Quote, SHEETS, SLOTS, SheetRef, carry};

/// Levels of the tournament: a node of level `l` covers up to `2^l` sheets.
pub const LEVELS: usize = SHEETS.trailing_zeros() as usize;

/// Why two standings do not merge.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum StandingError {
    /// The left side covers nothing.
    #[error("the left side covers no sheet")]
    Empty,
    /// Both sides together cover more sheets than fit.
    #[error("{sheets} sheets do not fit into a node of {capacity}")]
    Full {
        /// Sheets on both sides.
        sheets: usize,
        /// Sheets that the node covers.
        capacity: usize,
    },
    /// The sides' commit indices do not increase.
    #[error("commitment {left} is not before commitment {right}")]
    Order {
        /// Last index on the left, counted from one.
        left: u32,
        /// First index on the right, counted from one.
        right: u32,
    },
}

/// Claims of some sheets, and the sheets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Best, second and winner of each slot.
    pub claims: [Claim; SLOTS],
    /// The sheets: strictly increasing indices, null sheets last.
    pub sheets: [SheetRef; SHEETS],
}

impl Standing {
    /// The standing of one sheet alone. `index` is one more than the commit index.
    pub fn of_sheet(sheet: SheetRef, quotes: &[Quote; SLOTS]) -> Self {
        let mut sheets = [SheetRef::default(); SHEETS];
        sheets[0] = sheet;
        let claims = quotes.map(|quote| Claim {
            best: carry(quote),
            second: 0,
            winner: if quote == NO_BID { 0 } else { sheet.index },
        });
        Self { claims, sheets }
    }

    /// Sheets that it covers.
    pub fn covered(&self) -> &[SheetRef] {
        let count = self.sheets.iter().take_while(|sheet| sheet.index != 0).count();
        &self.sheets[..count]
    }

    /// Merges with sheets of higher indices, into a node of level `level`.
    ///
    /// # Errors
    /// When the left side is empty, the sheets do not fit, or their indices do not increase.
    pub fn merge(&self, right: &Self, level: usize) -> Result<Self, StandingError> {
        let (ours, theirs) = (self.covered(), right.covered());
        let (last, first) = (ours.last().ok_or(StandingError::Empty)?, theirs.first());
        if let Some(first) = first
            && first.index <= last.index
        {
            return Err(StandingError::Order { left: last.index, right: first.index });
        }
        let (sheets, capacity) = (ours.len() + theirs.len(), (1 << level).min(SHEETS));
        if sheets > capacity {
            return Err(StandingError::Full { sheets, capacity });
        }
        let mut merged = Self { claims: self.claims, sheets: self.sheets };
        merged.sheets[ours.len()..sheets].copy_from_slice(theirs);
        for (claim, theirs) in merged.claims.iter_mut().zip(&right.claims) {
            *claim = merge_claims(claim, theirs);
        }
        Ok(merged)
    }
}

/// The claim over the sheets of two disjoint claims, where all of `left`'s indices are below all of `right`'s: the higher
/// best quote wins, a tie goes to the left; second is the highest of the rest.
pub fn merge_claims(left: &Claim, right: &Claim) -> Claim {
    if left.best >= right.best {
        Claim { second: left.second.max(right.best), ..*left }
    } else {
        Claim { second: right.second.max(left.best), ..*right }
    }
}

/// The claims over whole sheets, by sorting the bids of each slot: the reference that everything else is tested against.
/// Sheets are `(index, quotes)`, indices counted from one, in any order; one that comes twice counts once.
pub fn tournament(sheets: &[(u32, [Quote; SLOTS])]) -> [Claim; SLOTS] {
    std::array::from_fn(|slot| {
        let mut bids: Vec<(u32, u32)> = sheets
            .iter()
            .filter(|(_, quotes)| quotes[slot] != NO_BID)
            .map(|(index, quotes)| (carry(quotes[slot]), *index))
            .collect();
        bids.sort_unstable_by_key(|&(quote, index)| (std::cmp::Reverse(quote), index));
        bids.dedup();
        let best = bids.first().copied().unwrap_or_default();
        let second = bids.get(1).copied().unwrap_or_default();
        Claim { best: best.0, second: second.0, winner: best.1 }
    })
}

/// The descriptor of the class of a node's seal, at levels 1 to 4; its class id is the level.
pub fn node_descriptor(level: usize) -> String {
    format!("tournament:{level}")
}
