use alloy::primitives::{Address, B256, U256};
use proptest::prelude::*;
use sotto_chain::BlockRef;
use sotto_types::{Claim, SLOTS, Slot};

use super::*;
use crate::{CommitView, RoundOpening};

const COMMIT_END: u64 = 110;
const SETTLE_END: u64 = 130;
const FILL_END: u64 = 140;
const TIMING: Timing = Timing { confirmations: 1, aggregator: true, close_grace: 2 };

fn us() -> Digest {
    Digest::new([1, 0, 0, 0]).unwrap()
}

fn sheet() -> Digest {
    Digest::new([9, 9, 9, 9]).unwrap()
}

fn round() -> RoundView {
    let opening = RoundOpening {
        round_id: B256::repeat_byte(1),
        market: B256::ZERO,
        opener: Address::ZERO,
        counter: 0,
        parent_hash: B256::ZERO,
        key_set_root: sheet(),
        reference: U256::from(1),
        commit_end: COMMIT_END,
        settle_end: SETTLE_END,
        fill_end: FILL_END,
        features: [0; 32],
        slots: [Slot::default(); SLOTS],
    };
    RoundView {
        opening,
        opened_in: BlockRef { number: 100, hash: B256::ZERO },
        commits: Default::default(),
        results: None,
        settlements: 0,
        slots: std::array::from_fn(|_| SlotState::Open),
        closed: false,
    }
}

fn committed(index: u32) -> RoundView {
    let mut round = round();
    let commit =
        CommitView { strategy: us(), commitment: sheet(), block: 105, covered: false, closed: false };
    round.commits.insert(index, commit);
    round
}

fn with_sheet() -> Progress {
    Progress { sheet: Some(sheet()), ..Progress::default() }
}

fn proven(index: u32) -> Progress {
    Progress { proof: Some(index), ..with_sheet() }
}

fn step(round: &RoundView, progress: &Progress, head: u64) -> Step {
    next_step(round, us(), progress, &TIMING, head)
}

#[test]
fn a_round_is_evaluated_and_committed_to_while_the_next_block_still_takes_commitments() {
    assert_eq!(step(&round(), &Progress::default(), 100), Step::Evaluate);
    assert_eq!(step(&round(), &with_sheet(), COMMIT_END - 1), Step::Commit);
    assert_eq!(step(&round(), &Progress::default(), COMMIT_END), Step::GiveUp(DropReason::TooLate));
    assert_eq!(step(&round(), &with_sheet(), COMMIT_END), Step::GiveUp(DropReason::CommitMissed));
    let given_up = Progress { given_up: Some(DropReason::NoBid), ..Progress::default() };
    assert_eq!(step(&round(), &given_up, 100), Step::Done);
}

#[test]
fn a_sheet_is_proven_at_once_and_handed_out_only_after_the_commit_window() {
    let round = committed(3);
    assert_eq!(step(&round, &with_sheet(), 106), Step::Prove(3));
    assert_eq!(step(&round, &proven(3), COMMIT_END), Step::Wait, "not yet confirmed");
    assert_eq!(step(&round, &proven(3), COMMIT_END + 1), Step::Submit(3));
    let handed = Progress { handed_over: Some(3), ..proven(3) };
    assert_eq!(step(&round, &handed, COMMIT_END + 2), Step::Wait);
}

#[test]
fn a_solver_who_is_left_out_settles_in_the_second_half() {
    let round = committed(3);
    let half = round.second_half();
    assert_eq!(half, 121);
    let handed = Progress { handed_over: Some(3), ..proven(3) };
    assert_eq!(step(&round, &handed, half - 2), Step::Wait);
    assert_eq!(step(&round, &handed, half - 1), Step::Wrap(3));
    assert_eq!(step(&round, &Progress { wrapped: Some(3), ..handed.clone() }, half), Step::Settle(3));
    let mut covered = committed(3);
    covered.commits.get_mut(&3).unwrap().covered = true;
    assert_eq!(step(&covered, &handed, half), Step::Wait);
}

#[test]
fn without_an_aggregator_the_solver_settles_at_once() {
    let timing = Timing { aggregator: false, ..TIMING };
    let step = next_step(&committed(0), us(), &proven(0), &timing, COMMIT_END + 1);
    assert_eq!(step, Step::Wrap(0));
}

// covers: R4 R6
#[test]
fn a_commitment_that_moved_is_proven_again() {
    let moved = committed(1);
    let progress = Progress { handed_over: Some(0), wrapped: Some(0), ..proven(0) };
    assert_eq!(step(&moved, &progress, COMMIT_END + 5), Step::Prove(1));
    assert_eq!(step(&round(), &progress, 105), Step::Commit, "the commitment itself was undone");
}

// covers: P1 P2
#[test]
fn a_commitment_that_cannot_be_opened_is_left_and_its_bond_freed() {
    let lost = Progress::default();
    assert_eq!(step(&committed(0), &lost, 105), Step::Wait);
    assert_eq!(step(&committed(0), &lost, SETTLE_END), Step::Penalise(0));
    let foreign = Progress { sheet: Some(us()), ..Progress::default() };
    assert_eq!(step(&committed(0), &foreign, COMMIT_END + 1), Step::Wait);
}

#[test]
fn bonds_are_freed_after_the_fill_window_and_fees_collected_after_the_openers_grace() {
    let mut round = committed(0);
    round.commits.get_mut(&0).unwrap().covered = true;
    assert_eq!(step(&round, &proven(0), FILL_END - 1), Step::Wait);
    assert_eq!(step(&round, &proven(0), FILL_END), Step::Release(0));
    round.commits.get_mut(&0).unwrap().closed = true;
    assert_eq!(step(&round, &proven(0), FILL_END + 1), Step::Done, "it won nothing");
    round.results = Some([Claim { best: 1, second: 0, winner: 1 }; SLOTS]);
    assert_eq!(step(&round, &proven(0), FILL_END + 1), Step::Wait);
    assert_eq!(step(&round, &proven(0), FILL_END + 2), Step::Close);
    round.closed = true;
    assert_eq!(step(&round, &proven(0), FILL_END + 2), Step::Done);
}

#[test]
fn work_on_a_round_that_went_on_without_it_is_cancelled() {
    assert!(still_wanted(Step::Commit, &round(), us(), 105));
    assert!(!still_wanted(Step::Commit, &committed(0), us(), 105));
    assert!(still_wanted(Step::Prove(0), &committed(0), us(), 105));
    assert!(!still_wanted(Step::Prove(0), &committed(1), us(), 105));
    assert!(!still_wanted(Step::Wrap(0), &committed(0), us(), SETTLE_END));
}

fn any_progress() -> impl Strategy<Value = Progress> {
    let index = || prop::option::of(0u32..3);
    (any::<bool>(), index(), index(), index(), any::<bool>(), any::<bool>(), 95u64..120).prop_map(
        |(sheet_known, proof, handed_over, wrapped, given_up, unprovable, not_before)| Progress {
            sheet: sheet_known.then(sheet),
            proof,
            handed_over,
            wrapped,
            given_up: given_up.then_some(DropReason::NoBid),
            unprovable,
            not_before,
        },
    )
}

fn any_round() -> impl Strategy<Value = RoundView> {
    (prop::option::of(0u32..3), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(index, covered, closed, over)| {
            let mut round = index.map_or_else(round, committed);
            for commit in round.commits.values_mut() {
                (commit.covered, commit.closed) = (covered, closed);
            }
            round.closed = over;
            round
        },
    )
}

proptest! {
    // covers: K5 P1
    #[test]
    fn no_step_is_ever_out_of_order(round in any_round(), progress in any_progress(), head in 100u64..150) {
        let step = step(&round, &progress, head);
        let commit = round.commit_of(us());
        match step {
            Step::Commit => {
                prop_assert!(commit.is_none() && progress.sheet.is_some() && progress.given_up.is_none());
                prop_assert!(head < COMMIT_END);
            }
            Step::Submit(index) | Step::Wrap(index) | Step::Settle(index) => {
                prop_assert!(head > COMMIT_END, "a sheet leaves only when the window is closed");
                prop_assert!(head < SETTLE_END);
                prop_assert_eq!(progress.proof, Some(index));
                prop_assert!(commit.is_some_and(|(at, c)| at == index && !c.covered));
            }
            Step::Penalise(_) => prop_assert!(head >= SETTLE_END),
            Step::Release(_) | Step::Close => prop_assert!(head >= FILL_END),
            _ => {}
        }
        let acts = !matches!(step, Step::Wait | Step::Done | Step::GiveUp(_));
        prop_assert!(!acts || still_wanted(step, &round, us(), head));
        prop_assert!(!acts || head >= progress.not_before);
    }
}

#[test]
fn a_leaf_is_wanted_until_the_commitment_is_final_and_its_sheet_proven_or_the_bid_is_over() {
    let wanted =
        |round: &RoundView, progress: &Progress, head| leaf_wanted(round, us(), progress, &TIMING, head);
    assert!(wanted(&round(), &with_sheet(), 105));
    assert!(!wanted(&round(), &with_sheet(), COMMIT_END), "the window closed without a commitment");
    let dropped = Progress { given_up: Some(DropReason::CommitRefused), ..with_sheet() };
    assert!(!wanted(&round(), &dropped, 105));

    assert!(wanted(&committed(3), &with_sheet(), 120));
    assert!(wanted(&committed(3), &proven(3), COMMIT_END), "a reorganisation may still change the index");
    assert!(!wanted(&committed(3), &proven(3), COMMIT_END + TIMING.confirmations));
    assert!(wanted(&committed(3), &proven(2), 120), "the sheet at hand is for another index");
    assert!(!wanted(&committed(3), &with_sheet(), SETTLE_END), "too late to settle");
    assert!(!wanted(&committed(3), &Progress::default(), 120), "not our sheet");
    assert!(!wanted(&committed(3), &Progress { unprovable: true, ..with_sheet() }, 120));
    for over in
        [|commit: &mut CommitView| commit.covered = true, |commit: &mut CommitView| commit.closed = true]
    {
        let mut round = committed(3);
        over(round.commits.get_mut(&3).unwrap());
        assert!(!wanted(&round, &with_sheet(), 120));
    }
}
