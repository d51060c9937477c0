//! From a proven sheet to the public data of its settlement, and to the call that publishes it.

use alloy::primitives::Bytes;
use sotto_contracts::{IAuctionHouse::SettleRequest, verifier::encode_proof};
use sotto_prover::{SheetStatement, WrappedProof};
use sotto_types::PublicData;

use crate::{RoundView, events::encode_results};

/// Where the parts of the public data lie in its bytes.
const FEATURES: std::ops::Range<usize> = 64..192;
const SLOTS: std::ops::Range<usize> = 192..1728;
const CLAIMS: std::ops::Range<usize> = 1728..2112;

/// The public data that a settlement of this sheet, or of these merged sheets, is about.
pub fn settlement_data(round: &RoundView, statement: &SheetStatement) -> PublicData {
    let opening = &round.opening;
    PublicData {
        round_id: opening.round_id,
        key_set_root: opening.key_set_root,
        features: opening.features,
        slots: opening.slots,
        claims: statement.claims,
        sheets: statement.sheets,
    }
}

/// The arguments of `settle`, on top of what the round has stored as of `round`.
pub fn settle_request(
    round: &RoundView,
    statement: &SheetStatement,
    wrapped: &WrappedProof,
) -> SettleRequest {
    let data = settlement_data(round, statement).to_bytes();
    let part = |range| Bytes::copy_from_slice(data.get(range).unwrap_or_default());
    SettleRequest {
        roundId: round.opening.round_id,
        features: part(FEATURES),
        slots: part(SLOTS),
        claims: part(CLAIMS),
        commitIndices: covered(statement),
        beta: wrapped.beta.to_word(),
        proof: encode_proof(wrapped.proof.inner()).into(),
        stored: round.results.as_ref().map(encode_results).unwrap_or_default().into(),
    }
}

/// Commit indices that a statement covers, increasing.
fn covered(statement: &SheetStatement) -> Vec<u32> {
    statement.sheets.iter().filter_map(|sheet| sheet.index.checked_sub(1)).collect()
}
