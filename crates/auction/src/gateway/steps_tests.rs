use super::*;
use crate::RoundOpening;
use alloy::primitives::{Address, B256, U256};
use proptest::prelude::*;
use sotto_chain::BlockRef;
use sotto_types::{Digest, SLOTS, Slot, carry};
use std::collections::BTreeMap;

/// Windows end at 10, 20 and 30; three slots are taken.
fn round() -> RoundView {
    let mut slots = [Slot::default(); SLOTS];
    for slot in &mut slots[..3] {
        slot.commitment = B256::repeat_byte(1);
    }
    RoundView {
        opening: RoundOpening {
            round_id: B256::repeat_byte(7),
            market: B256::ZERO,
            opener: Address::ZERO,
            counter: 0,
            parent_hash: B256::ZERO,
            key_set_root: Digest::default(),
            reference: U256::from(1) << 128,
            commit_end: 10,
            settle_end: 20,
            fill_end: 30,
            features: [0; 32],
            slots,
        },
        opened_in: BlockRef { number: 5, hash: B256::ZERO },
        commits: BTreeMap::new(),
        results: None,
        settlements: 0,
        slots: std::array::from_fn(|_| SlotState::Open),
        closed: false,
    }
}

fn commit(covered: bool, closed: bool) -> CommitView {
    CommitView { strategy: Digest::default(), commitment: Digest::default(), block: 6, covered, closed }
}

fn at(head: u64) -> Timing {
    Timing { head, confirmations: 2 }
}

fn won(slot: usize) -> Option<[Claim; SLOTS]> {
    let mut results = [Claim::default(); SLOTS];
    results[slot] = Claim { best: carry(5), second: 0, winner: 1 };
    Some(results)
}

#[test]
fn sheets_are_taken_after_the_confirmed_commit_window_and_in_the_first_half_of_the_next() {
    let round = round();
    assert!(!at(11).takes_sheets(&round));
    assert!(at(12).takes_sheets(&round));
    assert_eq!(round.second_half(), 16);
    assert!(at(14).sheets_in_time(&round), "block 15 is in the first half");
    assert!(!at(15).sheets_in_time(&round));
}

#[test]
fn settlements_come_one_by_one_in_the_order_of_commitment_while_the_window_is_open() {
    let mut round = round();
    round.commits =
        BTreeMap::from([(0, commit(false, false)), (1, commit(false, false)), (2, commit(true, false))]);
    assert_eq!(due_steps(&round, at(11), &[1, 0]), [], "not confirmed");
    assert_eq!(due_steps(&round, at(12), &[]), []);
    assert_eq!(due_steps(&round, at(12), &[1, 0, 2]), [Step::Settle { index: 0 }]);
    assert_eq!(
        due_steps(&round, at(20), &[2, 1]),
        [Step::Settle { index: 1 }],
        "the last block of the window"
    );
    assert_eq!(due_steps(&round, at(12), &[2]), [], "covered by somebody else");
    assert_eq!(due_steps(&round, at(12), &[9]), [], "no such commitment");
    round.commits.insert(0, commit(true, false));
    assert_eq!(due_steps(&round, at(13), &[1, 0]), [Step::Settle { index: 1 }]);
}

#[test]
fn won_slots_are_filled_and_uncovered_sheets_penalised_in_the_fill_window() {
    let mut round = round();
    round.commits = BTreeMap::from([(0, commit(true, false)), (1, commit(false, false))]);
    round.results = won(1);
    assert_eq!(due_steps(&round, at(21), &[1]), [Step::Fill { slot: 1 }, Step::Penalise { index: 1 }]);
    round.commits.insert(1, commit(false, true));
    round.slots[1] =
        SlotState::Defaulted { strategy: Digest::default(), compensation: U256::ZERO, burned: U256::ZERO };
    assert_eq!(due_steps(&round, at(30), &[]), []);
}

#[test]
fn an_empty_slot_is_never_filled() {
    let mut round = round();
    round.results = won(3);
    assert_eq!(due_steps(&round, at(21), &[]), []);
}

#[test]
fn after_the_fill_window_bonds_are_freed_and_the_round_closed() {
    let mut round = round();
    round.commits = BTreeMap::from([(0, commit(true, false)), (1, commit(false, false))]);
    round.results = won(0);
    let all = [Step::Penalise { index: 1 }, Step::Release { index: 0 }, Step::Close];
    assert_eq!(due_steps(&round, at(31), &[0]), all);
    assert!(!is_finished(&round));
    round.commits = BTreeMap::from([(0, commit(true, true)), (1, commit(false, true))]);
    round.closed = true;
    assert_eq!(due_steps(&round, at(40), &[]), []);
    assert!(is_finished(&round));
}

proptest! {
    // covers: C8
    #[test]
    fn following_the_steps_ends_every_round(
        covered in prop::collection::vec(any::<bool>(), 0..5),
        winners in prop::collection::vec(0u32..3, 3),
        answers in prop::collection::vec(any::<bool>(), 64),
    ) {
        let mut round = round();
        let ready: Vec<u32> = (0..).zip(&covered).filter(|(_, c)| **c).map(|(i, _)| i).collect();
        round.commits = (0..).zip(&covered).map(|(i, _)| (i, commit(false, false))).collect();
        let mut answers = answers.into_iter().cycle();
        for head in 5..60 {
            for step in due_steps(&round, at(head), &ready) {
                // Whether the call gets into the next block; the chain decides, the steps are only asked again.
                if !answers.next().unwrap() {
                    continue;
                }
                match step {
                    Step::Settle { index } => {
                        prop_assert!(head > 10 && head <= 20);
                        round.commits.get_mut(&index).unwrap().covered = true;
                        let mut results = [Claim::default(); SLOTS];
                        for (result, winner) in results.iter_mut().zip(&winners) {
                            *result = Claim { best: carry(1), second: 0, winner: *winner };
                        }
                        round.results = Some(results);
                    }
                    Step::Fill { slot } => {
                        prop_assert!(head > 20 && head <= 30 && winners[usize::from(slot)] != 0);
                        prop_assert!(matches!(round.slots[usize::from(slot)], SlotState::Open), "filled twice");
                        round.slots[usize::from(slot)] = SlotState::Filled {
                            strategy: Digest::default(), sell_amount: U256::ZERO, buy_amount: U256::ZERO, pips: 0,
                        };
                    }
                    Step::Penalise { index } => {
                        let commit = round.commits.get_mut(&index).unwrap();
                        prop_assert!(head > 20 && !commit.covered && !commit.closed);
                        commit.closed = true;
                    }
                    Step::Release { index } => {
                        let commit = round.commits.get_mut(&index).unwrap();
                        prop_assert!(head > 30 && commit.covered && !commit.closed);
                        commit.closed = true;
                    }
                    Step::Close => {
                        prop_assert!(head > 30 && !round.closed);
                        round.closed = true;
                    }
                }
            }
        }
        prop_assert!(is_finished(&round) || !answers.any(|a| a));
    }
}
