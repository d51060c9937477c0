//! What a solver hands to a gateway: one proven sheet.

use alloy::primitives::{B256, Bytes};
use serde::{Deserialize, Serialize};

/// Parameter of `sotto_submitSheet`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SheetSubmission {
    /// The round.
    pub round_id: B256,
    /// The strategy.
    pub strategy_id: B256,
    /// Shape class of the strategy.
    pub class_id: u32,
    /// Slot capacity of the leaf: 1, 4, 16 or 32.
    pub capacity: u32,
    /// Index of the commitment within the round, from 0.
    pub commit_index: u32,
    /// The sheet proof.
    pub proof: Bytes,
}

/// Result of `sotto_submitSheet`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SheetReceipt {
    /// The sheet verified, and will be settled with the round.
    Accepted,
    /// The same sheet was there already.
    Known,
}
