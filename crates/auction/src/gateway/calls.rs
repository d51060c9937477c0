//! Checks of a sheet against its round and commitment, and the calls that follow from stored results.

use alloy::{
    primitives::{B256, Bytes, FixedBytes},
    sol_types::SolCall,
};
use sotto_circuits::round_digest;
use sotto_contracts::IAuctionHouse;
use sotto_prover::SheetStatement;
use sotto_types::{Claim, Intent, SLOTS, results_proof, results_root, slots_bytes, uncarry};

use super::refusal::{Refusal, RefusalCode};
use crate::{CommitView, RoundView, events::encode_results};

/// What opens a slot for its fill.
#[derive(Clone, Debug)]
pub struct SlotOrder {
    /// The slot.
    pub slot: u8,
    /// The intent.
    pub intent: Intent,
    /// Blinding of the slot's commitment.
    pub blinding: B256,
    /// The owner's signature.
    pub signature: Bytes,
}

/// Calldata of `fill`; `None` when nothing is stored of the slot.
pub fn fill_call(round: &RoundView, order: SlotOrder) -> Option<Bytes> {
    let results = round.results.as_ref()?;
    let at = usize::from(order.slot);
    let claim = results.get(at)?;
    let siblings: [FixedBytes<32>; 5] = results_proof(results, at).try_into().ok()?;
    let request = IAuctionHouse::FillRequest {
        roundId: round.opening.round_id,
        slot: order.slot,
        slots: slots_bytes(&round.opening.slots).into(),
        intent: abi_intent(&order.intent),
        blinding: order.blinding,
        signature: order.signature,
        result: IAuctionHouse::Result { best: claim.best, second: claim.second, winner: claim.winner },
        merkleProof: siblings,
    };
    Some(IAuctionHouse::fillCall { request }.abi_encode().into())
}

/// Calldata of `closeRound`.
pub fn close_call(round: &RoundView) -> Bytes {
    let results = round.results.as_ref().map(|results| encode_results(results).into()).unwrap_or_default();
    IAuctionHouse::closeRoundCall { roundId: round.opening.round_id, results }.abi_encode().into()
}

/// Root of the stored results, zero before the first settlement.
pub fn stored_root(results: Option<&[Claim; SLOTS]>) -> B256 {
    results.map_or(B256::ZERO, results_root)
}

/// Checks what a sheet shows against the round and against the commitment that it is about.
///
/// # Errors
/// [`RefusalCode::WrongRound`] or [`RefusalCode::CommitmentMismatch`].
pub fn check_statement(
    round: &RoundView,
    index: u32,
    commit: &CommitView,
    sheet: &SheetStatement,
) -> Result<(), Refusal> {
    let opening = &round.opening;
    if sheet.key_set_root != opening.key_set_root {
        return Err(Refusal::new(RefusalCode::WrongRound, "the sheet is for another set of circuits"));
    }
    if sheet.round_digest != round_digest(opening.round_id, &opening.features, &opening.slots) {
        return Err(Refusal::new(
            RefusalCode::WrongRound,
            "the sheet is for another round, snapshot or slots",
        ));
    }
    let mismatch = |what: &str| Err(Refusal::new(RefusalCode::CommitmentMismatch, what));
    let Some((own, rest)) = sheet.sheets.split_first() else { return mismatch("the sheet covers nothing") };
    if rest.iter().any(|other| other.index != 0) {
        return mismatch("the proof covers more than one sheet");
    }
    if Some(own.index) != index.checked_add(1) {
        return mismatch("the sheet is for another commit index");
    }
    if own.strategy != commit.strategy || own.commitment != commit.commitment {
        return mismatch("the commitment on chain is that of another sheet");
    }
    Ok(())
}

/// Checks that the claims of a sheet lie in its strategy's registered range: the contract takes nothing else.
///
/// # Errors
/// [`RefusalCode::QuoteOutOfRange`].
pub fn check_range(sheet: &SheetStatement, min_quote: i32, max_quote: i32) -> Result<(), Refusal> {
    for (slot, claim) in sheet.claims.iter().enumerate().filter(|(_, claim)| claim.winner != 0) {
        let quote = uncarry(u64::from(claim.best)).unwrap_or(i32::MIN);
        if quote < min_quote || quote > max_quote {
            let reason = format!("slot {slot} has a quote outside of {min_quote} to {max_quote} pips");
            return Err(Refusal::new(RefusalCode::QuoteOutOfRange, reason));
        }
    }
    Ok(())
}

fn abi_intent(intent: &Intent) -> IAuctionHouse::Intent {
    IAuctionHouse::Intent {
        owner: intent.owner,
        recipient: intent.recipient,
        sellToken: intent.sellToken,
        buyToken: intent.buyToken,
        sellAmount: intent.sellAmount,
        minBuyAmount: intent.minBuyAmount,
        validFrom: intent.validFrom,
        deadline: intent.deadline,
        nonce: intent.nonce,
        market: intent.market,
        appData: intent.appData,
    }
}
