//! Each gadget accepts what the reference arithmetic gives, and refuses every mutated wire.

use std::marker::PhantomData;

use plonky2::{
    field::types::{Field, PrimeField64, Sample},
    gates::gate_testing::{test_eval_fns, test_low_degree},
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use sotto_model::{
    InputMap,
    program::{Format, Function},
};
use sotto_types::{MAX_NO_BID_PIPS, NO_BID, carry};

use super::{
    arith::PackedArith,
    clamp::Clamp,
    fold::{ValueFold, WeightFold},
    function::FunctionGadget,
    gate::{Gadget, GadgetGate, power},
    matmul::MatMul,
    pack::{InputMapCheck, Pack, PolicyCheck},
    quote::QuoteGadget,
    requant::{Requant, Step},
    slot::{Live, SlotLimit},
    tree::{Between, Descend, NodeSplit, Select, Steps, node_value},
};
use crate::{
    field::{C, F, ROUTED_WIRES, WIRES},
    parameters::from_signed,
};

mod fold;

fn violated<G: Gadget>(gadget: &G, wires: &[F]) -> bool {
    let constraints = gadget.constraints(&mut PackedArith::<F>(PhantomData), wires);
    assert_eq!(constraints.len(), gadget.constraint_count());
    constraints.iter().any(|&c| c != F::ZERO)
}

fn fill<G: Gadget>(gadget: &G, inputs: &[F]) -> Vec<F> {
    assert_eq!(inputs.len(), gadget.inputs());
    let filled = gadget.fill(inputs);
    assert_eq!(filled.len(), gadget.outputs() + gadget.advice());
    [inputs, &filled].concat()
}

/// Accepts the operation, and refuses it with any wire changed. An input may be free to change only where the outputs do
/// not depend on it.
///
/// covers: Z11 Z12 M9
fn harness<G: Gadget>(gadget: &G, inputs: &[F], rng: &mut StdRng) -> Vec<F> {
    let wires = fill(gadget, inputs);
    assert!(!violated(gadget, &wires), "{gadget:?} refuses {inputs:?}");
    let outputs = gadget.inputs()..gadget.routed();
    for wire in 0..wires.len() {
        let order_half = F::from_canonical_u64(1 << 63);
        let deltas = [
            F::ONE,
            F::NEG_ONE,
            F::TWO,
            power(32),
            order_half,
            F::from_canonical_u64(rng.r#gen::<u64>() >> 1),
        ];
        for delta in deltas.into_iter().filter(|&d| d != F::ZERO) {
            let mut mutated = wires.clone();
            mutated[wire] += delta;
            if violated(gadget, &mutated) {
                continue;
            }
            assert!(wire < gadget.inputs(), "{gadget:?} accepts wire {wire} changed by {delta}");
            let again = fill(gadget, &mutated[..gadget.inputs()]);
            assert_eq!(again[outputs.clone()], wires[outputs.clone()], "{gadget:?} input {wire}");
        }
    }
    // Decompositions that keep the sum: a limb borrows from its neighbour.
    for wire in gadget.routed()..wires.len() - 1 {
        for (step, carry) in [(4, -1), (-4, 1), (2, -1), (-2, 1)] {
            let mut mutated = wires.clone();
            mutated[wire] += from_signed(step);
            mutated[wire + 1] += from_signed(carry);
            assert!(violated(gadget, &mutated), "{gadget:?} accepts a borrow at wire {wire}");
        }
    }
    wires[outputs].to_vec()
}

fn gate_checks<G: Gadget>(gadget: G) {
    let (ops, routed) = (gadget.ops(ROUTED_WIRES), gadget.routed());
    assert!(ops > 0 && ops * routed <= ROUTED_WIRES && ops * (routed + gadget.advice()) <= WIRES);
    assert!(
        ops == 1 || !violated(&gadget, &fill(&gadget, &gadget.filling())),
        "{gadget:?} must accept its filling"
    );
    test_low_degree::<F, _, 2>(GadgetGate::new(gadget.clone(), ROUTED_WIRES));
    test_eval_fns::<F, C, _, 2>(GadgetGate::new(gadget, ROUTED_WIRES)).unwrap();
}

const fn relu(shift: u32, bits: u32) -> Requant {
    Requant { shift, bits, width: 16, signed: false, product: false }
}

#[test]
fn gates_have_the_stated_degree_and_evaluate_alike_natively_and_in_circuits() {
    gate_checks(MatMul::single(ROUTED_WIRES));
    gate_checks(MatMul::quad(ROUTED_WIRES));
    gate_checks(relu(26, 58));
    gate_checks(relu(16, 42));
    gate_checks(MatMul::thin(ROUTED_WIRES));
    gate_checks(WeightFold { bits: 12 });
    gate_checks(WeightFold { bits: 18 });
    gate_checks(WeightFold { bits: 20 });
    gate_checks(WeightFold { bits: 22 });
    gate_checks(WeightFold { bits: 24 });
    gate_checks(ValueFold { count: 14 });
    gate_checks(ValueFold { count: 18 });
    gate_checks(ValueFold { count: 30 });
    gate_checks(Requant::to(Format::SIGNED, 18, 1 << 44, false));
    gate_checks(Requant::to(Format::WIDE, 18, 1 << 58, false));
    gate_checks(Requant::to(Format::SIGNED, 20, 1 << 38, true));
    gate_checks(Step { bits: 44 });
    gate_checks(FunctionGadget(Function::Sigmoid));
    gate_checks(Steps);
    gate_checks(Select::DIGIT);
    gate_checks(Select::shared(1, ROUTED_WIRES));
    gate_checks(Select::shared(3, ROUTED_WIRES));
    gate_checks(Select::shared(4, ROUTED_WIRES));
    gate_checks(Select::shared(5, ROUTED_WIRES));
    gate_checks(Select::shared(6, ROUTED_WIRES));
    gate_checks(Between { rank_bits: 8 });
    gate_checks(NodeSplit);
    gate_checks(Descend);
    gate_checks(Pack::of(12));
    gate_checks(Pack::of(20));
    gate_checks(Pack::of(24));
    gate_checks(Pack::of(18));
    gate_checks(Pack::of(58));
    gate_checks(Pack::of(42));
    gate_checks(InputMapCheck);
    gate_checks(PolicyCheck);
    gate_checks(Clamp);
    gate_checks(QuoteGadget { shift: 31, bits: 58 });
    gate_checks(QuoteGadget { shift: 19, bits: 42 });
    gate_checks(Live);
    gate_checks(SlotLimit);
}

/// Circuits with fewer routed wires have narrower blocks.
#[test]
fn every_gadget_fits_the_routed_wires_of_every_leaf() {
    for routed_wires in [ROUTED_WIRES, 60, 56] {
        let products = [MatMul::single(routed_wires), MatMul::quad(routed_wires), MatMul::thin(routed_wires)];
        for gadget in products {
            assert_eq!(gadget.ops(routed_wires), 1, "{gadget:?}");
            test_eval_fns::<F, C, _, 2>(GadgetGate::new(gadget, routed_wires)).unwrap();
        }
        for bits in 1..=5 {
            let gadget = Select::shared(bits, routed_wires);
            assert_eq!(gadget.ops(routed_wires), 1, "{gadget:?}");
            test_eval_fns::<F, C, _, 2>(GadgetGate::new(gadget, routed_wires)).unwrap();
        }
        let fewest = [
            ValueFold { count: 30 }.ops(routed_wires),
            WeightFold { bits: 12 }.ops(routed_wires),
            Select::DIGIT.ops(routed_wires),
            QuoteGadget { shift: 31, bits: 58 }.ops(routed_wires),
            SlotLimit.ops(routed_wires),
            Live.ops(routed_wires),
        ];
        assert!(fewest.iter().all(|&ops| ops > 0), "{routed_wires}: {fewest:?}");
        test_eval_fns::<F, C, _, 2>(GadgetGate::new(Pack::of(12), routed_wires)).unwrap();
    }
}

#[test]
fn rows_hold_the_stated_number_of_operations() {
    assert_eq!(MatMul::single(ROUTED_WIRES).ops(ROUTED_WIRES) * 4 * 14, 56);
    assert_eq!(MatMul::quad(ROUTED_WIRES).ops(ROUTED_WIRES) * 4 * 6 * 4, 96);
    assert_eq!([12, 18, 24].map(|bits| WeightFold { bits }.terms()), [30, 18, 14]);
    assert_eq!([30, 18, 14].map(|count| ValueFold { count }.ops(ROUTED_WIRES)), [2, 3, 3]);
    assert_eq!(relu(26, 58).ops(ROUTED_WIRES), 3);
    assert_eq!(relu(16, 42).ops(ROUTED_WIRES), 5);
    assert_eq!(Pack::of(24).ops(ROUTED_WIRES) * Pack::of(24).count, 10);
    assert_eq!(Pack::of(18).ops(ROUTED_WIRES) * Pack::of(18).count, 12);
    assert_eq!(Pack::of(58).ops(ROUTED_WIRES), 4);
    assert_eq!(Pack::of(42).ops(ROUTED_WIRES), 5);
    assert_eq!(Pack::of(12).ops(ROUTED_WIRES) * Pack::of(12).count, 15);
    assert_eq!(Pack::of(20).ops(ROUTED_WIRES) * Pack::of(20).count, 9);
    assert_eq!(MatMul::thin(ROUTED_WIRES).ops(ROUTED_WIRES) * 2 * 19, 38);
    assert_eq!(Requant::to(Format::SIGNED, 20, 1 << 38, true).ops(ROUTED_WIRES), 5);
    assert_eq!(FunctionGadget(Function::Erf).ops(ROUTED_WIRES), 3);
    assert_eq!(
        [
            Steps.ops(ROUTED_WIRES),
            Between { rank_bits: 8 }.ops(ROUTED_WIRES),
            NodeSplit.ops(ROUTED_WIRES),
            Descend.ops(ROUTED_WIRES)
        ],
        [3, 3, 15, 12]
    );
    assert_eq!(Select::DIGIT.ops(ROUTED_WIRES), 8);
    assert_eq!([1, 3, 4, 5, 6].map(|bits| Select::shared(bits, ROUTED_WIRES).columns), [39, 25, 19, 14, 8]);
    assert!((1..=6).all(|bits| Select::shared(bits, ROUTED_WIRES).ops(ROUTED_WIRES) == 1));
    assert_eq!(Clamp.ops(ROUTED_WIRES), 3);
    assert_eq!(Live.ops(ROUTED_WIRES), 5);
    assert_eq!(SlotLimit.ops(ROUTED_WIRES), 8);
    assert_eq!(
        [
            InputMapCheck.ops(ROUTED_WIRES),
            PolicyCheck.ops(ROUTED_WIRES),
            QuoteGadget { shift: 19, bits: 42 }.ops(ROUTED_WIRES)
        ],
        [1; 3]
    );
}

#[test]
fn a_block_adds_products_to_accumulators() {
    let mut rng = StdRng::seed_from_u64(1);
    for gadget in [MatMul::single(ROUTED_WIRES), MatMul::quad(ROUTED_WIRES), MatMul::thin(ROUTED_WIRES)] {
        for round in 0..4 {
            let inputs: Vec<F> = (0..gadget.inputs())
                .map(|_| if round == 0 { F::ZERO } else { from_signed(rng.gen_range(-(1 << 23)..1 << 23)) })
                .collect();
            harness(&gadget, &inputs, &mut rng);
        }
    }
}

/// Accumulators around every edge that a shift by `shift` has, for accumulators below `2^bits`.
fn accumulators(shift: u32, bits: u32, rng: &mut StdRng) -> Vec<i64> {
    let (half, unit, top) = (1i64 << (shift - 1), 1i64 << shift, (1i64 << bits) - (1i64 << (shift - 1)));
    let mut edges = vec![0, top - 1, -top, -(1i64 << bits) - half, half, -half, unit, -unit];
    edges.extend([16u32, 20].map(|v| 1i64 << (shift + v).min(bits - 1)));
    for q in [1_000_000i64, 999_999, 2001, 5000] {
        edges.extend([q * unit, -q * unit].into_iter().filter(|e| e.abs() < top));
    }
    let mut out: Vec<i64> = edges
        .iter()
        .flat_map(|&e| [e - half - 1, e - half, e - half + 1, e - 1, e, e + 1, e + half])
        .filter(|&a| a + half >= -(1i64 << bits) && a + half < 1i64 << bits)
        .collect();
    out.extend((0..40).map(|_| rng.gen_range(-top..top) >> rng.gen_range(0..bits - 1)));
    out
}

// covers: M9
#[test]
fn signed_formats_and_products_saturate_on_both_sides_like_the_executor() {
    let mut rng = StdRng::seed_from_u64(12);
    for (format, shift, bits) in
        [(Format::SIGNED, 18, 44), (Format::SIGNED, 0, 30), (Format::WIDE, 18, 56), (Format::SIGNED, 2, 24)]
    {
        let gadget = Requant::to(format, shift, 1 << bits, false);
        let half = if shift == 0 { 0 } else { 1i64 << (shift - 1) };
        let edge = (format.greatest() + 1) << shift;
        let mut accs = vec![0, half, -half, half - 1, -half - 1, (1 << bits) - half, half - (1 << bits)];
        accs.extend(
            [-1, 0, 1].into_iter().flat_map(|d| [edge + d, edge - half + d, -edge + d, -edge - half + d]),
        );
        accs.extend(
            (0..20).map(|_| rng.gen_range(-(1i64 << bits) + half..1 << bits) >> rng.gen_range(0..bits)),
        );
        for acc in accs.into_iter().filter(|a| a.abs() + half <= 1 << bits) {
            let out = harness(&gadget, &[from_signed(acc)], &mut rng);
            let expected = ((acc + half) >> shift).clamp(format.least(), format.greatest());
            assert_eq!(out, [from_signed(expected)], "{acc} >> {shift}");
        }
    }
    for (a, b) in [(0, 0), (1 << 19, 1 << 19), (-(1 << 19), 1 << 19), (-(1 << 19), -(1 << 19)), (777, -1234)]
    {
        let gadget = Requant::to(Format::SIGNED, 20, (1 << 38) + (1 << 19), true);
        let (a, b) = (if a > 0 { a - 1 } else { a }, b);
        // A factor of zero leaves the other one free.
        let inputs = [from_signed(a), from_signed(b)];
        let wires = fill(&gadget, &inputs);
        assert!(!violated(&gadget, &wires));
        let expected = ((a * b + (1 << 19)) >> 20).clamp(-(1 << 19), (1 << 19) - 1);
        assert_eq!(wires[2], from_signed(expected));
        if a != 0 {
            harness(&gadget, &inputs, &mut rng);
        }
    }
}

// covers: M9 M10
#[test]
fn steps_are_the_sign_of_the_accumulator() {
    let mut rng = StdRng::seed_from_u64(13);
    let gadget = Step { bits: 44 };
    for acc in [0i64, 1, -1, (1 << 44) - 1, -(1 << 44), 12345, -12345] {
        assert_eq!(harness(&gadget, &[from_signed(acc)], &mut rng), [F::from_bool(acc >= 0)], "{acc}");
    }
    assert!(violated(&gadget, &fill(&gadget, &[from_signed(1 << 44)])));
}

// covers: M9
#[test]
fn functions_are_those_of_the_executor() {
    let mut rng = StdRng::seed_from_u64(14);
    for function in Function::ALL {
        let mut xs = vec![-(1i64 << 19), (1 << 19) - 1, 0, -1, 8191, 8192, -8192, -8193];
        xs.extend((0..12).map(|_| rng.gen_range(-(1i64 << 19)..1 << 19)));
        for x in xs {
            let out = harness(&FunctionGadget(function), &[from_signed(x)], &mut rng);
            assert_eq!(out, [from_signed(function.apply(x))], "{function:?}({x})");
        }
        for x in [1i64 << 19, -(1 << 19) - 1] {
            let mut wires = fill(&FunctionGadget(function), &[F::ZERO]);
            wires[0] = from_signed(x);
            assert!(violated(&FunctionGadget(function), &wires));
        }
    }
}

#[test]
fn thresholds_that_decrease_are_refused_and_their_steps_are_packed() {
    let mut rng = StdRng::seed_from_u64(15);
    let low = -(1i64 << 29);
    for [t, u, v] in
        [[low, low, low], [low, 5, (1 << 29) - 1], [low, (1 << 29) - 1, (1 << 29) - 1], [7, 7, 9]]
    {
        let out = harness(&Steps, &[t, u, v].map(from_signed), &mut rng);
        assert_eq!(out, [from_signed((u - t) + ((v - u) << 30))]);
    }
    for [t, u, v] in [[1i64, 0, 2], [0, 2, 1], [0, 1 << 30, 1 << 30]] {
        let inputs = [t, u, v].map(from_signed);
        assert!(violated(&Steps, &fill(&Steps, &inputs)));
    }
}

#[test]
fn selections_give_the_entry_and_refuse_an_index_past_the_end() {
    let mut rng = StdRng::seed_from_u64(16);
    for gadget in [Select::DIGIT].into_iter().chain((2..=6).map(|bits| Select::shared(bits, ROUTED_WIRES))) {
        let size = gadget.entries();
        let entries: Vec<F> = (0..size).map(|_| F::rand()).collect();
        let indices: Vec<usize> = (0..gadget.columns).map(|c| (c * 5 + 3) % size).collect();
        let inputs: Vec<F> =
            entries.iter().copied().chain(indices.iter().map(|&i| F::from_canonical_usize(i))).collect();
        let out = harness(&gadget, &inputs, &mut rng);
        assert!(out.iter().zip(&indices).all(|(&o, &i)| o == entries[i]));
        let mut past = inputs;
        past[size] = F::from_canonical_usize(size);
        assert!(violated(&gadget, &fill(&gadget, &past)));
    }
}

// covers: M10 M11
#[test]
fn a_rank_lies_above_one_threshold_and_not_above_the_next() {
    let mut rng = StdRng::seed_from_u64(17);
    for rank_bits in [1, 3, 4, 8, 12] {
        let gadget = Between { rank_bits };
        for rank in [0, 1, (1usize << rank_bits) - 1] {
            let digits: Vec<F> = gadget.split(rank).into_iter().map(F::from_canonical_u64).collect();
            let inputs = |z: i64, t: i64, u: i64| {
                [vec![from_signed(z), from_signed(t), from_signed(u)], digits.clone()].concat()
            };
            for (z, t, u) in [(5, 4, 5), (5, -(1 << 29) - 1, 1 << 29), (-(1 << 29), -(1 << 29) - 1, 0)] {
                assert_eq!(harness(&gadget, &inputs(z, t, u), &mut rng), [F::from_canonical_usize(rank)]);
            }
            for (z, t, u) in [(4, 4, 5), (6, 4, 5), (3, 4, 5)] {
                assert!(violated(&gadget, &fill(&gadget, &inputs(z, t, u))), "{t} < {z} <= {u}");
            }
        }
    }
}

// covers: M10
#[test]
fn nodes_split_and_compare() {
    let mut rng = StdRng::seed_from_u64(18);
    for (feature, rank) in [(0u8, 0u16), (63, 4095), (5, 77), (32, 0)] {
        let out = harness(&NodeSplit, &[from_signed(node_value(feature, rank))], &mut rng);
        assert_eq!(out, [F::from_canonical_u8(feature), F::from_canonical_u16(rank)]);
    }
    for (x, r, right) in
        [(0u16, 0u16, false), (1, 0, true), (4095, 4095, false), (0, 4095, false), (4095, 4094, true)]
    {
        let inputs = [F::from_canonical_u16(x), F::from_canonical_u16(r), F::TWO];
        assert_eq!(harness(&Descend, &inputs, &mut rng), [F::from_canonical_u64(4 + u64::from(right))]);
    }
}

// covers: M9
#[test]
fn requantisation_rounds_and_saturates_like_the_executor() {
    let mut rng = StdRng::seed_from_u64(2);
    for (shift, bits) in [(26, 58), (16, 42), (16, 46)] {
        for acc in accumulators(shift, bits, &mut rng) {
            let out = harness(&relu(shift, bits), &[from_signed(acc)], &mut rng);
            let expected = ((acc + (1 << (shift - 1))) >> shift).clamp(0, (1 << 16) - 1);
            assert_eq!(out, [from_signed(expected)], "{acc} >> {shift}");
        }
    }
}

#[test]
fn requantisation_refuses_what_leaves_the_range() {
    let gadget = relu(16, 42);
    for acc in [1i64 << 42, -(1 << 43), i64::MAX / 2] {
        assert!(violated(&gadget, &fill(&gadget, &[from_signed(acc)])));
    }
}

#[test]
fn parameters_in_their_format_pack_as_they_do_natively_and_others_are_refused() {
    let mut rng = StdRng::seed_from_u64(3);
    for bits in [12, 18, 20, 24, 42, 58] {
        let gadget = Pack::of(bits);
        let limit = 1i64 << (bits - 1);
        for value in [0, 1, -1, limit - 1, -limit, rng.gen_range(-limit..limit)] {
            let parameters: Vec<i64> =
                (0..gadget.count).map(|j| if j % 2 == 0 { value } else { !value }).collect();
            let inputs: Vec<F> = parameters.iter().map(|&p| from_signed(p)).collect();
            assert_eq!(harness(&gadget, &inputs, &mut rng), [packed(bits, &parameters)]);
        }
        for value in [limit, -limit - 1, i64::MAX, i64::MIN / 2] {
            let mut inputs = vec![F::ZERO; gadget.count];
            inputs[gadget.count - 1] = from_signed(value);
            assert!(violated(&gadget, &fill(&gadget, &inputs)), "{value} in {bits} bits");
        }
    }
}

/// Parameters as unsigned integers side by side.
fn packed(bits: u32, parameters: &[i64]) -> F {
    let offset = |p: i64| (i128::from(p) + (1 << (bits - 1))).cast_unsigned();
    let sum: u128 = (0u32..).zip(parameters).map(|(j, &p)| offset(p) << (bits * j)).sum();
    assert!(sum < 1 << 62, "the packing has one reading in the field");
    F::from_canonical_u64(u64::try_from(sum).unwrap())
}

fn word(x: i32) -> F {
    F::from_canonical_u32(carry(x))
}

// covers: M7
#[test]
fn inputs_saturate_and_scale_like_the_executor() {
    let mut rng = StdRng::seed_from_u64(4);
    let maps = [
        InputMap { lo: i32::MIN, hi: i32::MIN, mult: (1 << 28) - 1 },
        InputMap { lo: i32::MAX, hi: i32::MAX, mult: 1 },
        InputMap { lo: -100, hi: 155, mult: 1 << 20 },
        InputMap { lo: 0, hi: 0, mult: 0 },
        InputMap { lo: 0, hi: (1 << 28) - 1, mult: 1 },
        InputMap { lo: i32::MIN, hi: i32::MAX, mult: 0 },
    ];
    for map in maps {
        let check = [word(map.lo), word(map.hi), F::from_canonical_u32(map.mult)];
        harness(&InputMapCheck, &check, &mut rng);
        let edges = [map.lo, map.hi].into_iter().flat_map(|e| [e.saturating_sub(1), e, e.saturating_add(1)]);
        for x in edges.chain([i32::MIN, 0, i32::MAX, rng.r#gen()]) {
            let out = harness(&Clamp, &[word(x), check[0], check[1], check[2]], &mut rng);
            assert_eq!(out, [from_signed(map.apply(x))], "{x} under {map:?}");
        }
    }
}

#[test]
fn input_maps_out_of_format_are_refused() {
    let refused = |lo: u64, hi: u64, mult: u64| {
        let inputs = [lo, hi, mult].map(F::from_canonical_u64);
        assert!(violated(&InputMapCheck, &fill(&InputMapCheck, &inputs)), "{lo} {hi} {mult}");
    };
    refused(5, 4, 1);
    refused(0, 1 << 32, 0);
    refused(1 << 32, 1 << 32, 0);
    refused(0, 1, 1 << 28);
    refused(0, 1 << 28, 1);
    refused(0, 1 << 14, 1 << 14);
}

#[test]
fn policies_out_of_format_are_refused() {
    let mut rng = StdRng::seed_from_u64(5);
    for (min, max, slots) in [(1u64, 1u64, 0u64), (1, u64::from(u32::MAX), 32), (1 << 31, 1 << 31, 7)] {
        harness(&PolicyCheck, &[min, max, slots].map(F::from_canonical_u64), &mut rng);
    }
    for (min, max, slots) in [(0u64, 1u64, 1u64), (2, 1, 1), (1, 1 << 32, 1), (1, 2, 33), (1, 2, 64)] {
        let inputs = [min, max, slots].map(F::from_canonical_u64);
        assert!(violated(&PolicyCheck, &fill(&PolicyCheck, &inputs)), "{min} {max} {slots}");
    }
}

#[test]
fn quotes_clamp_and_fall_to_no_bid_like_the_executor() {
    let mut rng = StdRng::seed_from_u64(6);
    let limits =
        [(-2000, 5000), (i32::MIN + 1, i32::MAX), (MAX_NO_BID_PIPS, 0), (-3_000_000, -1_000_001), (7, 7)];
    for (shift, bits) in [(31, 58), (19, 42), (19, 46)] {
        for (min, max) in limits {
            for acc in accumulators(shift, bits, &mut rng) {
                let inputs = [from_signed(acc), word(min), word(max)];
                let out = harness(&QuoteGadget { shift, bits }, &inputs, &mut rng);
                let clamped = ((acc + (1 << (shift - 1))) >> shift).max(i64::from(min)).min(i64::from(max));
                let quote = i32::try_from(clamped).unwrap();
                let quote = if quote <= MAX_NO_BID_PIPS { NO_BID } else { quote };
                assert_eq!(out, [F::from_bool(quote != NO_BID), word(quote)], "{acc} in {min}..={max}");
            }
        }
    }
}

#[test]
fn a_slot_is_live_when_any_limb_of_its_commitment_is_not_zero() {
    let mut rng = StdRng::seed_from_u64(7);
    assert_eq!(harness(&Live, &[F::ZERO; 8], &mut rng), [F::ZERO]);
    for limb in 0..8 {
        let mut inputs = [F::ZERO; 8];
        inputs[limb] = F::from_canonical_u32(rng.gen_range(1..=u32::MAX));
        assert_eq!(harness(&Live, &inputs, &mut rng), [F::ONE]);
    }
    assert_eq!(harness(&Live, &[(); 8].map(|()| F::rand()), &mut rng), [F::ONE]);
    // Limbs that sum to zero in the field are no empty slot.
    let mut inputs = [F::ZERO; 8];
    (inputs[0], inputs[1]) = (F::ONE, F::NEG_ONE);
    assert_eq!(harness(&Live, &inputs, &mut rng), [F::ONE]);
}

#[test]
fn bids_in_a_direction_are_limited_and_empty_slots_are_not_counted() {
    let mut rng = StdRng::seed_from_u64(8);
    for live in [false, true] {
        for direction in [0i32, 1] {
            for bid in [false, true] {
                for (n0, n1, max) in
                    [(0u64, 0u64, 0u64), (0, 0, 1), (1, 0, 1), (0, 1, 1), (31, 30, 32), (32, 2, 2)]
                {
                    let quote = if bid { word(5) } else { F::ZERO };
                    let inputs = [F::from_bool(live), word(direction), F::from_bool(bid), quote]
                        .into_iter()
                        .chain([n0, n1, max].map(F::from_canonical_u64))
                        .collect::<Vec<_>>();
                    let out = harness(&SlotLimit, &inputs, &mut rng);
                    let counted = u64::from(live && bid);
                    let (m0, m1) = if direction == 0 { (n0 + counted, n1) } else { (n0, n1 + counted) };
                    let free = if direction == 0 || !live { n0 < max } else { n1 < max };
                    let passed = if live && free { quote.to_canonical_u64() } else { 0 };
                    assert_eq!(out, [m0, m1, passed].map(F::from_canonical_u64));
                }
            }
        }
    }
}

#[test]
fn a_live_slot_has_a_direction_of_zero_or_one_and_an_empty_one_may_have_any() {
    for direction in [-1i32, 2, i32::MAX, i32::MIN] {
        let inputs = |live| [live, word(direction), F::ONE, word(5), F::ZERO, F::ZERO, F::ONE];
        assert!(violated(&SlotLimit, &fill(&SlotLimit, &inputs(F::ONE))));
        assert!(!violated(&SlotLimit, &fill(&SlotLimit, &inputs(F::ZERO))));
    }
}
