//! Every kind of row, and the compare-and-set of its states.

use alloy_primitives::{U256, keccak256};
use sotto_chain::ErrorClass;
use sotto_store::{
    DraftStatus, FillStatus, IntentStatus, ReceivedSheet, RoundStatus, SettlementStatus, SheetStatus,
    SlotOpening, Stage, StoreError,
};
use sotto_types::intent_hash;

use crate::support::{block, hash, intent, ledger, log_id, round};

// covers: S12 S13
#[test]
fn an_intent_is_accepted_once_and_moves_only_from_where_it_is() {
    let (_dir, ledger) = ledger();
    let (first, key) = (intent(1), intent_hash(&intent(1)));
    ledger
        .write(|unit| {
            assert!(unit.insert_intent(&first, &[1; 65], 10)?);
            assert!(!unit.insert_intent(&first, &[2; 65], 11)?, "the same intent again");
            assert!(unit.insert_intent(&intent(2), &[1; 65], 5)?);
            unit.move_intent(key, IntentStatus::Open, IntentStatus::Cancelled, Some("by the trader"))
        })
        .unwrap();
    let lost = ledger.write(|unit| unit.move_intent(key, IntentStatus::Open, IntentStatus::Filled, None));
    let Err(StoreError::StateChanged { found, expected, .. }) = &lost else { panic!("{lost:?}") };
    assert_eq!((expected.as_str(), found.as_str()), ("open", "cancelled"));
    assert_eq!(lost.unwrap_err().class(), ErrorClass::Permanent);
    let stored = ledger.read(|unit| unit.intent(key)).unwrap().unwrap();
    assert_eq!((stored.intent, stored.received_ms, stored.signature.len()), (first, 10, 65));
    assert_eq!(stored.reason.as_deref(), Some("by the trader"));
    assert_eq!(ledger.read(|unit| unit.intents(IntentStatus::Open, 10)).unwrap().len(), 1);
    let absent = ledger.write(|unit| unit.move_intent(hash(9), IntentStatus::Open, IntentStatus::Open, None));
    assert!(matches!(absent, Err(StoreError::NotFound { .. })));
}

// covers: K5
#[test]
fn a_second_different_sheet_for_a_round_and_strategy_is_refused_for_ever() {
    let (_dir, ledger) = ledger();
    let (r, s, quotes, salt) = (hash(1), hash(2), [-7; 32], [3; 16]);
    let first = ledger.write(|unit| unit.protect_sheet(r, s, &quotes, &salt, hash(10))).unwrap();
    let same = ledger.write(|unit| unit.protect_sheet(r, s, &[9; 32], &[4; 16], hash(10))).unwrap();
    assert_eq!(first, same, "the row that is protected comes back, not what was offered");
    let other = ledger.write(|unit| unit.protect_sheet(r, s, &quotes, &salt, hash(11)));
    assert!(
        matches!(other, Err(StoreError::SecondSheet { protected, .. }) if protected == hash(10)),
        "{other:?}"
    );
    ledger.write(|unit| unit.move_sheet(r, s, SheetStatus::Planned, SheetStatus::Abandoned)).unwrap();
    assert!(ledger.write(|unit| unit.protect_sheet(r, s, &quotes, &salt, hash(11))).is_err());
    ledger.write(|unit| unit.protect_sheet(r, hash(3), &quotes, &salt, hash(11))).unwrap();
    ledger.write(|unit| unit.protect_sheet(hash(4), s, &quotes, &salt, hash(11))).unwrap();
    assert!(!format!("{first:?}").contains("salt"), "the salt is secret");
}

#[test]
fn a_sheet_keeps_its_proof_and_commit_index() {
    let (_dir, ledger) = ledger();
    let (r, s) = (hash(1), hash(2));
    ledger.write(|unit| unit.protect_sheet(r, s, &[i32::MIN; 32], &[3; 16], hash(10))).unwrap();
    let early = ledger.write(|unit| unit.prove_sheet(r, s, &[1, 2]));
    assert!(matches!(early, Err(StoreError::StateChanged { .. })), "not committed");
    ledger
        .write(|unit| {
            unit.move_sheet(r, s, SheetStatus::Planned, SheetStatus::Committed)?;
            unit.set_commit_index(r, s, Some(4))?;
            unit.prove_sheet(r, s, &[1, 2])
        })
        .unwrap();
    let sheets = ledger.read(|unit| unit.sheets(SheetStatus::Proved)).unwrap();
    assert_eq!(sheets.len(), 1);
    assert_eq!((sheets[0].commit_index, sheets[0].proof.as_deref()), (Some(4), Some(&[1u8, 2][..])));
    assert_eq!(sheets[0].quotes, [i32::MIN; 32]);
    ledger.write(|unit| unit.set_commit_index(r, s, None)).unwrap();
    assert_eq!(ledger.read(|unit| unit.sheet(r, s)).unwrap().unwrap().commit_index, None);
}

#[test]
fn received_sheets_come_back_by_commit_index() {
    let (_dir, ledger) = ledger();
    let sheet = |index: u32| ReceivedSheet {
        round: hash(1),
        strategy: hash(u64::from(index) + 100),
        commitment: hash(u64::from(index)),
        commit_index: index,
        proof: vec![9; 1000],
        received_ms: 1,
    };
    for index in [3, 1, 2] {
        assert!(ledger.write(|unit| unit.receive_sheet(&sheet(index))).unwrap());
    }
    assert!(!ledger.write(|unit| unit.receive_sheet(&sheet(1))).unwrap());
    let indices: Vec<u32> =
        ledger.read(|unit| unit.received_sheets(hash(1))).unwrap().iter().map(|s| s.commit_index).collect();
    assert_eq!(indices, [1, 2, 3]);
}

#[test]
fn a_draft_holds_the_openings_of_the_round_that_it_becomes() {
    let (_dir, ledger) = ledger();
    let slots = round(7).slots;
    let key = intent_hash(&intent(1));
    let openings = [SlotOpening { slot: 0, intent_hash: key, blinding: hash(5) }];
    let unknown = ledger.write(|unit| unit.plan_draft(hash(1), &slots, &openings, 1));
    assert!(unknown.is_err(), "the intent is not stored");
    ledger.write(|unit| unit.insert_intent(&intent(1), &[], 1)).unwrap();
    let draft = ledger.write(|unit| unit.plan_draft(hash(1), &slots, &openings, 1)).unwrap();
    assert_eq!(draft, keccak256(&slots));
    let twice = ledger.write(|unit| unit.plan_draft(hash(1), &slots, &openings, 1));
    assert!(matches!(twice, Err(StoreError::Conflict { .. })));
    ledger.write(|unit| unit.move_draft(draft, DraftStatus::Planned, DraftStatus::Opened)).unwrap();
    ledger
        .read(|unit| {
            assert_eq!(unit.openings(draft)?, openings);
            assert_eq!(unit.slots_of_intent(key)?, [(draft, 0)]);
            assert!(unit.drafts(DraftStatus::Planned)?.is_empty());
            Ok(())
        })
        .unwrap();
}

// covers: R4
#[test]
fn a_round_voided_by_a_reorg_can_come_back_in_another_block() {
    let (_dir, ledger) = ledger();
    assert!(ledger.write(|unit| unit.put_round(&round(3))).unwrap());
    assert!(!ledger.write(|unit| unit.put_round(&round(3))).unwrap(), "known");
    ledger.write(|unit| unit.move_round(hash(3), RoundStatus::Open, RoundStatus::Void)).unwrap();
    let mut again = round(3);
    again.opened_block = 9;
    assert!(ledger.write(|unit| unit.put_round(&again)).unwrap());
    assert_eq!(ledger.read(|unit| unit.round(hash(3))).unwrap(), Some(again.clone()));
    ledger.write(|unit| unit.put_round(&round(4))).unwrap();
    assert_eq!(ledger.read(|unit| unit.recent_rounds(1)).unwrap(), [again]);
    assert_eq!(ledger.read(|unit| unit.rounds(RoundStatus::Open)).unwrap().len(), 2);
}

#[test]
fn a_settlement_can_be_replaced_until_it_is_mined() {
    let (_dir, ledger) = ledger();
    let (claims, sheets) = (vec![1; 384], vec![2; 68]);
    ledger.write(|unit| unit.plan_settlement(hash(1), &claims, &sheets, &[3])).unwrap();
    ledger.write(|unit| unit.plan_settlement(hash(1), &claims, &sheets, &[4])).unwrap();
    ledger
        .write(|unit| unit.move_settlement(hash(1), SettlementStatus::Planned, SettlementStatus::Mined))
        .unwrap();
    let late = ledger.write(|unit| unit.plan_settlement(hash(1), &claims, &sheets, &[5]));
    assert!(matches!(late, Err(StoreError::Conflict { .. })));
    assert_eq!(ledger.read(|unit| unit.settlement(hash(1))).unwrap().unwrap().proof, [4]);
}

#[test]
fn a_slot_is_filled_once_and_a_failed_fill_may_be_tried_again() {
    let (_dir, ledger) = ledger();
    let slot = (hash(1), 3);
    let plan = || ledger.write(|unit| unit.plan_fill(slot.0, slot.1, hash(5), hash(6), -250));
    let step =
        |from, to, paid| ledger.write(|unit| unit.move_fill(slot, from, to, paid, Some(hash(7)), None));
    plan().unwrap();
    assert!(matches!(plan(), Err(StoreError::Conflict { .. })));
    step(FillStatus::Planned, FillStatus::Failed, None).unwrap();
    plan().unwrap();
    step(FillStatus::Planned, FillStatus::Filled, Some(U256::MAX)).unwrap();
    assert!(matches!(plan(), Err(StoreError::Conflict { .. })));
    let fills = ledger.read(|unit| unit.fills(hash(1))).unwrap();
    assert_eq!((fills.len(), fills[0].paid, fills[0].quote), (1, Some(U256::MAX), -250));
}

// covers: R7
#[test]
fn an_event_is_applied_once_and_a_reorg_gives_it_back_newest_first() {
    let (_dir, ledger) = ledger();
    for number in 1..=5 {
        ledger
            .write(|unit| {
                assert!(unit.apply_event(&log_id(number, 0), number, b"a")?);
                assert!(!unit.apply_event(&log_id(number, 0), number, b"again")?);
                assert!(unit.apply_event(&log_id(number, 1), number, b"b")?);
                unit.advance_cursor(block(number, 0))
            })
            .unwrap();
    }
    let removed = ledger.write(|unit| unit.rewind_cursor(block(3, 0))).unwrap();
    let order: Vec<_> = removed.iter().map(|event| (event.block_number, event.id.log_index)).collect();
    assert_eq!(order, [(5, 1), (5, 0), (4, 1), (4, 0)]);
    assert_eq!(ledger.read(|unit| unit.cursor()).unwrap(), Some(block(3, 0)));
    ledger.write(|unit| unit.advance_cursor(block(4, 1))).unwrap();
    let gone = ledger.write(|unit| unit.remove_event(&log_id(4, 0))).unwrap();
    assert!(!gone, "taken back by the rewind already");
    let backwards = ledger.write(|unit| unit.advance_cursor(block(4, 2)));
    assert!(matches!(backwards, Err(StoreError::Conflict { .. })), "without a rewind");
}

#[test]
fn blocks_and_events_out_of_reach_of_a_reorg_are_forgotten() {
    let (_dir, ledger) = ledger();
    ledger
        .write(|unit| {
            for number in 1..=200 {
                unit.apply_event(&log_id(number, 0), number, b"x")?;
                unit.advance_cursor(block(number, 0))?;
            }
            Ok(())
        })
        .unwrap();
    let blocks = ledger.read(|unit| unit.recent_blocks()).unwrap();
    assert_eq!((blocks[0].number, blocks.len()), (135, 66));
    assert_eq!(ledger.read(|unit| unit.events_above(0)).unwrap().len(), 66);
}

#[test]
fn stages_keep_the_first_time_and_their_order() {
    let (_dir, ledger) = ledger();
    ledger
        .write(|unit| {
            unit.note_stage(hash(1), Stage::Settled, 30)?;
            unit.note_stage(hash(1), Stage::Seen, 10)?;
            unit.note_stage(hash(1), Stage::Seen, 20)
        })
        .unwrap();
    assert_eq!(ledger.read(|unit| unit.stages(hash(1))).unwrap(), [(Stage::Seen, 10), (Stage::Settled, 30)]);
}

#[test]
fn a_unit_of_work_that_fails_leaves_nothing_behind() {
    let (_dir, ledger) = ledger();
    let result = ledger.write(|unit| {
        unit.put_round(&round(1))?;
        unit.move_round(hash(2), RoundStatus::Open, RoundStatus::Void)
    });
    assert!(matches!(result, Err(StoreError::NotFound { .. })));
    assert_eq!(ledger.read(|unit| unit.round(hash(1))).unwrap(), None);
}
