use super::*;
use proptest::prelude::*;

/// A part as (level, covered indices), which the bracket must agree with.
type Part = (usize, Vec<u32>);

fn merge(bracket: &mut Bracket<Part>, left: Side<Part>, right: Option<Side<Part>>) {
    let (level, mut covers) = left.part;
    assert_eq!((left.level, &left.covers), (level, &covers));
    let first = covers[0];
    if let Some(right) = right {
        assert_eq!((right.part.0, right.level), (level, level), "sides of one level");
        assert!(covers.last() < right.part.1.first(), "increasing indices");
        covers.extend(&right.part.1);
    }
    assert!(level < LEVELS && covers.len() <= 2 << level);
    bracket.merged(first, (level + 1, covers));
}

/// Makes all moves until none is left; the parts that were finished, and the merges that it took.
fn settle(bracket: &mut Bracket<Part>, expected: &BTreeSet<u32>) -> (Vec<Part>, usize) {
    let (mut finished, mut merges) = (Vec::new(), 0);
    loop {
        let moves = bracket.moves(expected);
        if moves.is_empty() {
            return (finished, merges);
        }
        for next in moves {
            match next {
                Move::Finish(side) => {
                    assert_eq!(side.part, (side.level, side.covers));
                    finished.push(side.part);
                }
                Move::Merge { left, right } => {
                    merge(bracket, left, right);
                    merges += 1;
                }
            }
        }
    }
}

fn insert(bracket: &mut Bracket<Part>, index: u32) {
    bracket.insert(index, (0, vec![index]));
}

fn sheet(index: u32) -> Side<Part> {
    Side { level: 0, covers: vec![index], part: (0, vec![index]) }
}

proptest! {
    #[test]
    fn sheets_in_any_order_with_any_missing_become_one_part_a_group(
        commits in prop::collection::btree_set(0u32..40, 1..40),
        missing in prop::collection::btree_set(0u32..40, 0..20),
        order in any::<prop::sample::Index>(),
    ) {
        let mut come: Vec<u32> = commits.difference(&missing).copied().collect();
        let turn = order.index(come.len().max(1)).min(come.len());
        come.rotate_left(turn);
        if turn % 2 == 1 {
            come.reverse();
        }
        let mut bracket = Bracket::default();
        let mut expected = commits.clone();
        let mut finished = Vec::new();
        for &index in &come {
            insert(&mut bracket, index);
            expected.remove(&index);
            finished.extend(settle(&mut bracket, &expected).0);
        }
        let left = bracket.merges_left();
        let (last, merges) = settle(&mut bracket, &BTreeSet::new());
        prop_assert_eq!(merges, left, "what was foreseen");
        finished.extend(last);
        let groups: BTreeSet<u32> = come.iter().map(|index| index / 16).collect();
        prop_assert_eq!(finished.len(), groups.len(), "one settlement a group");
        let mut covered: Vec<u32> = finished.into_iter().flat_map(|(_, covers)| covers).collect();
        covered.sort_unstable();
        come.sort_unstable();
        prop_assert_eq!(covered, come);
    }
}

#[test]
fn one_sheet_alone_is_settled_without_a_merge() {
    let mut bracket = Bracket::default();
    insert(&mut bracket, 0);
    assert_eq!(bracket.moves(&BTreeSet::from([1])), [], "another one is expected");
    assert_eq!(bracket.moves(&BTreeSet::new()), [Move::Finish(sheet(0))]);
    assert_eq!(bracket.moves(&BTreeSet::new()), [], "once");
}

#[test]
fn merging_does_not_wait_for_the_last_sheet() {
    let mut bracket = Bracket::default();
    let mut expected: BTreeSet<u32> = (0..16).collect();
    let mut merges = 0;
    for index in (0..16).rev() {
        insert(&mut bracket, index);
        expected.remove(&index);
        let (finished, made) = settle(&mut bracket, &expected);
        merges += made;
        assert_eq!(finished.len(), usize::from(index == 0));
        if index == 1 {
            assert_eq!(merges, 11, "all but the path of the missing one");
        }
    }
    assert_eq!(merges, 15);
}

#[test]
fn a_straggler_costs_its_own_path_alone() {
    let mut bracket = Bracket::default();
    let expected = BTreeSet::from([5]);
    for index in (0..16).filter(|index| *index != 5) {
        insert(&mut bracket, index);
    }
    settle(&mut bracket, &expected);
    assert_eq!(bracket.merges_left(), 4, "4 is lifted, and meets 6 and 7, 0 to 3, 8 to 15");
    insert(&mut bracket, 5);
    assert_eq!(bracket.merges_left(), 4);
    let (finished, merges) = settle(&mut bracket, &BTreeSet::new());
    assert_eq!((finished.len(), merges), (1, 4));
}

#[test]
fn a_sheet_that_comes_twice_counts_once() {
    let mut bracket = Bracket::default();
    insert(&mut bracket, 0);
    insert(&mut bracket, 1);
    let (finished, _) = settle(&mut bracket, &BTreeSet::new());
    assert_eq!(finished, [(1, vec![0, 1])]);
    bracket.insert(1, (0, vec![1]));
    assert_eq!(bracket.moves(&BTreeSet::new()), []);
}

#[test]
fn parts_that_do_not_merge_are_settled_one_by_one() {
    let mut bracket = Bracket::default();
    for index in 0..3 {
        insert(&mut bracket, index);
    }
    let expected = BTreeSet::from([3]);
    let merge = Move::Merge { left: sheet(0), right: Some(sheet(1)) };
    assert_eq!(bracket.moves(&expected), [merge]);
    bracket.failed(sheet(0), Some(sheet(1)));
    assert_eq!(bracket.moves(&expected), [0, 1, 2].map(|index| Move::Finish(sheet(index))));
    insert(&mut bracket, 3);
    assert_eq!(bracket.moves(&BTreeSet::new()), [Move::Finish(sheet(3))]);
    assert_eq!(bracket.merges_left(), 0);
}

#[test]
fn a_sheet_that_comes_too_late_for_its_place_is_settled_alone() {
    let mut bracket = Bracket::default();
    insert(&mut bracket, 0);
    insert(&mut bracket, 2);
    assert!(matches!(bracket.moves(&BTreeSet::new())[..], [Move::Merge { .. }]));
    insert(&mut bracket, 1);
    bracket.merged(0, (1, vec![0, 2]));
    let finished = settle(&mut bracket, &BTreeSet::new());
    assert_eq!(finished, (vec![(1, vec![0, 2]), (0, vec![1])], 0));
}
