//! The merge of two statements, in constraints alone: against the reference, and with each of its wires changed.

use plonky2::{
    field::types::{Field, PrimeField64},
    iop::witness::{PartialWitness, WitnessWrite},
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use sotto_types::{
    Claim, Digest, LEVELS, NO_BID, Quote, SHEETS, SLOTS, SheetRef, Standing, StandingError, tournament,
};

use super::witness::Trace;
use crate::{
    SheetProof,
    field::{Builder, C, CircuitData, F, Target, node_config},
    sheet::SHEET_PUBLIC_INPUTS,
    tournament::merge::{Statement, constrain_words, merge},
};

/// The constraints of a level without the verification of proofs.
struct Merge {
    sides: [Vec<Target>; 2],
    present: plonky2::iop::target::BoolTarget,
    data: CircuitData<C>,
}

impl Merge {
    fn build(level: usize) -> Self {
        let mut builder = Builder::new(node_config());
        let sides = [(); 2].map(|()| builder.add_virtual_targets(SHEET_PUBLIC_INPUTS));
        let present = builder.add_virtual_bool_target_safe();
        let [left, right] = [0, 1].map(|side: usize| Statement::of(&sides[side]));
        if level == 1 {
            constrain_words(&mut builder, &left);
            constrain_words(&mut builder, &right);
        }
        let merged = merge(&mut builder, 1 << (level - 1), &left, &right, present);
        let class = builder.constant(F::from_canonical_usize(level));
        builder.register_public_input(class);
        builder.register_public_inputs(&merged);
        Self { sides, present, data: builder.build::<C>() }
    }

    fn trace(&self, left: &[F], right: &[F], present: bool) -> anyhow::Result<Trace<'_>> {
        let mut witness = PartialWitness::new();
        witness.set_target_arr(&self.sides[0], left)?;
        witness.set_target_arr(&self.sides[1], right)?;
        witness.set_bool_target(self.present, present)?;
        Trace::new(&self.data, witness)
    }

    /// The merged public inputs, if the constraints hold.
    fn run(&self, left: &[F], right: Option<&[F]>) -> Option<Vec<F>> {
        let trace = self.trace(left, right.unwrap_or(left), right.is_some()).ok()?;
        trace.violation().is_none().then(|| trace.public_inputs())
    }
}

/// Public inputs of a statement on a fixed subject.
fn elements(standing: &Standing) -> Vec<F> {
    let mut out = vec![77];
    out.extend([1, 2, 3, 4, 5, 6, 7, 8]);
    for field in [|c: &Claim| c.best, |c: &Claim| c.second, |c: &Claim| c.winner] {
        out.extend(standing.claims.iter().map(|claim| u64::from(field(claim))));
    }
    for sheet in &standing.sheets {
        out.push(u64::from(sheet.index));
        out.extend(sheet.strategy.elements());
        out.extend(sheet.commitment.elements());
    }
    out.into_iter().map(F::from_canonical_u64).collect()
}

/// Reads public inputs as a sheet's proof does.
fn standing_of(public_inputs: &[F]) -> Standing {
    let word = |at: usize| u32::try_from(public_inputs[at].to_canonical_u64()).unwrap();
    let digest =
        |at: usize| Digest::new(std::array::from_fn(|i| public_inputs[at + i].to_canonical_u64())).unwrap();
    Standing {
        claims: std::array::from_fn(|slot| Claim {
            best: word(9 + slot),
            second: word(9 + SLOTS + slot),
            winner: word(9 + 2 * SLOTS + slot),
        }),
        sheets: std::array::from_fn(|i| {
            let at = 9 + 3 * SLOTS + 9 * i;
            SheetRef { index: word(at), strategy: digest(at + 1), commitment: digest(at + 5) }
        }),
    }
}

type Sheets = Vec<(u32, [Quote; SLOTS])>;

/// Sheets at increasing indices, with ties, no-bids and empty slots.
fn random_sheets(count: usize, rng: &mut StdRng) -> Sheets {
    let span = [2i32, 5, 1_000_000][rng.gen_range(0..3)];
    let empty_from = rng.gen_range(0..=SLOTS);
    let mut index = 0u32;
    (0..count)
        .map(|_| {
            index += rng.gen_range(1..4);
            let quotes = std::array::from_fn(|slot| {
                if slot >= empty_from || rng.gen_bool(0.3) {
                    return NO_BID;
                }
                match rng.gen_range(0..20) {
                    0 => NO_BID + 1,
                    1 => i32::MAX,
                    _ => rng.gen_range(-span..span),
                }
            });
            (index, quotes)
        })
        .collect()
}

fn sheet_ref(index: u32) -> SheetRef {
    let digest = |salt| Digest::new([u64::from(index), salt, u64::MAX >> 3, 1]).unwrap();
    SheetRef { index, strategy: digest(1), commitment: digest(2) }
}

fn standings(sheets: &Sheets) -> Vec<Standing> {
    sheets.iter().map(|(index, quotes)| Standing::of_sheet(sheet_ref(*index), quotes)).collect()
}

/// Merges by random neighbours of equal rank, sides of any fill, to one statement.
fn by_circuit(circuits: &[Merge], leaves: &[Standing], rng: &mut StdRng) -> Standing {
    let mut nodes: Vec<Vec<F>> = leaves.iter().map(elements).collect();
    let mut natives = leaves.to_vec();
    let mut level = 0;
    while nodes.len() > 1 || level == 0 {
        level += 1;
        let (mut next, mut next_native) = (Vec::new(), Vec::new());
        let mut at = 0;
        // As few nodes as the levels above can hold, at random more.
        let most = 1 << (LEVELS - level);
        while at < nodes.len() {
            let alone = nodes.len() - at == 1 || (rng.gen_bool(0.3) && next.len() + nodes.len() - at <= most);
            let right = (!alone).then(|| nodes[at + 1].as_slice());
            let merged = circuits[level - 1].run(&nodes[at], right).expect("an honest merge holds");
            let native =
                if alone { natives[at] } else { natives[at].merge(&natives[at + 1], level).unwrap() };
            assert_eq!(standing_of(&merged), native);
            assert_eq!(merged[0], F::from_canonical_usize(level));
            assert_eq!(merged[1..9], nodes[at][1..9]);
            next.push(merged);
            next_native.push(native);
            at += if alone { 1 } else { 2 };
        }
        (nodes, natives) = (next, next_native);
    }
    standing_of(&nodes[0])
}

#[test]
fn any_tree_of_random_sheets_gives_the_reference_tournament() {
    let circuits: Vec<Merge> = (1..=LEVELS).map(Merge::build).collect();
    let rng = &mut StdRng::seed_from_u64(5);
    for case in 0..40 {
        let count = if case < SHEETS { case + 1 } else { rng.gen_range(1..=SHEETS) };
        let sheets = random_sheets(count, rng);
        let root = by_circuit(&circuits, &standings(&sheets), rng);
        assert_eq!(root.claims, tournament(&sheets));
        let expected: Vec<SheetRef> = sheets.iter().map(|(index, _)| sheet_ref(*index)).collect();
        assert_eq!(root.covered(), expected);
    }
}

/// Two sheets whose claims meet in every way: ties, no bid on one side or both, either one better.
fn pair() -> [Standing; 2] {
    let quotes = |side: i32| {
        std::array::from_fn(|slot| match slot % 6 {
            0 => 5,
            1 => 5 + side,
            2 => 5 - side,
            3 if side == 0 => NO_BID,
            4 if side == 1 => NO_BID,
            5 => NO_BID,
            _ => 9,
        })
    };
    [Standing::of_sheet(sheet_ref(3), &quotes(0)), Standing::of_sheet(sheet_ref(4), &quotes(1))]
}

// covers: C10
#[test]
fn ties_go_to_the_lower_index_and_no_bid_never_wins() {
    let [left, right] = pair();
    let merged = left.merge(&right, 1).unwrap();
    let carried = |quote: i32| sotto_types::carry(quote);
    assert_eq!(merged.claims[0], Claim { best: carried(5), second: carried(5), winner: 3 });
    assert_eq!(merged.claims[1], Claim { best: carried(6), second: carried(5), winner: 4 });
    assert_eq!(merged.claims[2], Claim { best: carried(5), second: carried(4), winner: 3 });
    assert_eq!(merged.claims[3], Claim { best: carried(9), second: 0, winner: 4 });
    assert_eq!(merged.claims[4], Claim { best: carried(9), second: 0, winner: 3 });
    assert_eq!(merged.claims[5], Claim::default());
    let circuit = Merge::build(1);
    assert_eq!(standing_of(&circuit.run(&elements(&left), Some(&elements(&right))).unwrap()), merged);
    assert_eq!(standing_of(&circuit.run(&elements(&left), None).unwrap()), left);
}

// covers: Z11 Z12
#[test]
fn every_output_and_every_decomposed_wire_of_a_merge_is_bound() {
    let [left, right] = pair();
    for (level, present) in [(1, true), (1, false), (3, true)] {
        let circuit = Merge::build(level);
        let mut trace = circuit.trace(&elements(&left), &elements(&right), present).unwrap();
        assert_eq!(trace.violation(), None);
        let shown = trace.public_inputs();
        let entries = 9 + 3 * SLOTS + (9 << level);
        for (index, &value) in shown.iter().enumerate() {
            for delta in [F::ONE, F::NEG_ONE, F::from_canonical_u64(1 << 32)] {
                // Round and key set come from the children's proofs; entries past the capacity are the constant zero.
                let by_copy = (1..9).contains(&index) || index >= entries || index == 0;
                assert!(by_copy || trace.public_input_is_bound(index, value + delta), "{level} {index}");
            }
        }
        assert_eq!(trace.free_wires(|gate| gate.contains("BaseSumGate")), []);
    }
}

/// Merges the pair at level 1 with one element of a side changed.
fn changed(circuit: &Merge, side: usize, at: usize, value: u64) -> Option<Vec<F>> {
    let mut sides = pair().map(|standing| elements(&standing));
    sides[side][at] = F::from_canonical_u64(value);
    circuit.run(&sides[0], Some(&sides[1]))
}

// covers: Z12 Z13
#[test]
fn sides_of_different_subjects_or_out_of_range_do_not_merge() {
    let circuit = Merge::build(1);
    for at in 1..9 {
        for side in [0, 1] {
            assert!(changed(&circuit, side, at, 99).is_none(), "element {at}");
        }
    }
    let (best, second, index, next) = (9, 9 + SLOTS, 9 + 3 * SLOTS, 9 + 3 * SLOTS + 9);
    for side in [0, 1] {
        for at in [best, best + 31, second, second + 31, index] {
            assert!(changed(&circuit, side, at, 1 << 32).is_none(), "element {at}");
            assert!(changed(&circuit, side, at, sotto_types::GOLDILOCKS_ORDER - 1).is_none(), "element {at}");
        }
        assert!(changed(&circuit, side, index, 0).is_none(), "a null sheet with a proof");
        for at in [next, next + 1, next + 8, SHEET_PUBLIC_INPUTS - 1] {
            assert!(changed(&circuit, side, at, 1).is_none(), "a statement of more sheets than one");
        }
    }
}

// covers: Z13
#[test]
fn indices_that_do_not_increase_across_the_seam_do_not_merge() {
    let circuits = [Merge::build(1), Merge::build(2), Merge::build(3)];
    let run = |level: usize, left: &Standing, right: &Standing| {
        let constrained = circuits[level - 1].run(&elements(left), Some(&elements(right)));
        let native = left.merge(right, level);
        assert_eq!(constrained.map(|shown| standing_of(&shown)), native.ok());
        native
    };
    let [low, high] = pair();
    assert_eq!(run(1, &low, &low), Err(StandingError::Order { left: 3, right: 3 }), "the same twice");
    assert_eq!(run(1, &high, &low), Err(StandingError::Order { left: 4, right: 3 }));
    let none = [NO_BID; SLOTS];
    let at = |index| Standing::of_sheet(sheet_ref(index), &none);
    let both = run(1, &low, &high).unwrap();
    assert!(run(2, &both, &at(5)).is_ok() && run(2, &at(2), &both).is_ok());
    for index in [1, 3, 4] {
        assert!(run(2, &both, &at(index)).is_err(), "{index}");
    }
    let three = run(2, &both, &at(u32::MAX)).unwrap();
    assert_eq!(run(3, &three, &both), Err(StandingError::Order { left: u32::MAX, right: 3 }));
    assert!(run(3, &at(1), &at(u32::MAX)).is_ok());
}

/// The left must hold a sheet: an empty one would let the right's indices go unchecked against it.
#[test]
fn a_left_side_without_a_sheet_does_not_merge() {
    let nothing = Standing { claims: Default::default(), sheets: Default::default() };
    let [left, _] = pair();
    assert_eq!(nothing.merge(&left, 2), Err(StandingError::Empty));
    for level in 1..=2 {
        assert_eq!(Merge::build(level).run(&elements(&nothing), Some(&elements(&left))), None, "{level}");
    }
}

#[test]
fn a_merge_takes_the_stated_rows() {
    for (level, rows) in [(1, 512), (2, 256), (3, 256), (4, 256)] {
        assert_eq!(Merge::build(level).data.common.degree(), rows, "level {level}");
    }
}

#[test]
fn proofs_read_statements_as_they_are_written() {
    let [left, right] = pair();
    let merged = left.merge(&right, 4).unwrap();
    assert_eq!(standing_of(&elements(&merged)), merged);
    let _: fn(&SheetProof) -> Standing = SheetProof::standing;
}
