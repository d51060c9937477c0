//! Every circuit of the project against plonky2's own prover, on every backend.

use plonky2::iop::witness::PartialWitness;
use sotto_circuits::{
    CAPACITIES, CompactCircuit, KeySet, KeyedSheet, LeafCircuit, LeafProof, NodeCircuit, NodeProof,
    SealCircuit, SheetCircuit, SheetInputs, SheetProof, ShrinkCircuit, ShrinkProof,
    classes::standard_classes,
    field::{C, CircuitData, CompactQueries, F, Proof},
    security::MINIMUM_BITS,
};
use sotto_model::program::{
    Activation, Ensemble, Function, Linear, MatrixShape, Op, OutputMap, Shape as ModelShape,
};
use sotto_types::LEVELS;

use super::{
    Backend, FastCircuit,
    tests::{assert_equal, run},
};
use crate::measure::{Pipeline, sample::Sample};

/// A circuit in zero knowledge cannot be compared: on each backend its proofs verify, and no two of them commit alike.
fn assert_hiding(data: &CircuitData<C>, witness: &PartialWitness<F>) {
    assert!(data.common.config.zero_knowledge);
    let mut caps = Vec::new();
    for backend in Backend::available() {
        let fast = FastCircuit::on(backend, data).unwrap();
        for _ in 0..2 {
            let proof = fast.prove(data, witness.clone(), &run()).unwrap();
            caps.push(proof.proof.wires_cap.clone());
            data.verify(proof).unwrap();
        }
    }
    for (at, cap) in caps.iter().enumerate() {
        assert!(!caps[..at].contains(cap), "the same blinding twice");
    }
}

fn proven(data: &CircuitData<C>, witness: PartialWitness<F>) -> Proof<C> {
    FastCircuit::new(data).unwrap().prove(data, witness, &run()).unwrap()
}

/// A leaf, the reductions after it and its sheet. Returns how many reductions there are.
fn assert_sheet(sample: &Sample, slots: usize) -> usize {
    let leaf = LeafCircuit::build(sample.class(), slots).unwrap();
    let witness = leaf.witness(&sample.leaf_inputs()).unwrap();
    assert_equal(leaf.data(), &witness);
    let sheet = SheetCircuit::build(&leaf).unwrap();
    let mut inner = LeafProof::new(proven(leaf.data(), witness));
    for reduction in sheet.reductions() {
        let witness = reduction.witness(&inner).unwrap();
        assert_equal(reduction.data(), &witness);
        inner = LeafProof::new(proven(reduction.data(), witness));
    }
    let witness = sheet.witness(&inner, &sample.sheet_inputs(&sheet)).unwrap();
    assert_hiding(sheet.data(), &witness);
    sheet.reductions().len()
}

/// Nodes and seals of every level: nodes with both sides and with the left one alone.
#[test]
#[ignore = "soak"]
fn every_node_is_the_stock_provers_and_every_seal_verifies() {
    let pipeline = Pipeline::build(&[], 1).unwrap();
    let Pipeline { sample, leaf, sheet, .. } = &pipeline;
    let inner = LeafProof::new(proven(leaf.data(), leaf.witness(&sample.leaf_inputs()).unwrap()));
    let keys = KeySet::new(vec![sheet.key()]).unwrap();
    let at = |commit_index| {
        let inputs = SheetInputs { commit_index, ..sample.sheet_inputs(sheet) };
        SheetProof::new(proven(sheet.data(), sheet.witness(&inner, &inputs).unwrap()))
    };
    let (key, early, late) = (&sheet.key(), at(4), at(70));
    let keyed = |proof| KeyedSheet { proof, key };
    let mut node = NodeCircuit::first(&sheet.shape());
    let mut sides: Option<[NodeProof; 2]> = None;
    for level in 1..=LEVELS {
        if level > 1 {
            node = node.next().unwrap();
        }
        let witness = |left: usize, right: Option<usize>| {
            match &sides {
                Some(sides) => node.witness_of_nodes(&sides[left], right.map(|right| &sides[right])),
                None => {
                    let sheets = [&early, &late].map(keyed);
                    node.witness_of_sheets(sheets[left], right.map(|right| sheets[right]), &keys)
                }
            }
            .unwrap()
        };
        let both = witness(0, Some(1));
        assert_equal(node.data(), &both);
        let merged = NodeProof::new(proven(node.data(), both));
        assert_eq!(merged.standing().covered().len(), 2);
        let lone = [0, 1].map(|side| witness(side, None));
        if level == 1 || level == LEVELS {
            assert_equal(node.data(), &lone[0]);
        }
        let seal = SealCircuit::build(&node, &sheet.shape()).unwrap();
        assert_hiding(seal.data(), &seal.witness(&merged).unwrap());
        if level < LEVELS {
            sides = Some(lone.map(|witness| NodeProof::new(proven(node.data(), witness))));
        }
    }
}

/// Trees, products and functions, with every activation.
fn every_operation() -> ModelShape {
    let linear = |matrix, columns, activation| Op::Linear(Linear { matrix, columns, activation });
    let matrices = [(2, 36), (1, 1), (1, 3), (1, 2)];
    let matrices = matrices.map(|(rows, inputs)| MatrixShape { rows, inputs }).to_vec();
    let mut ops = vec![
        linear(0, vec![(0..36).collect()], Activation::Signed), // 36, 37
        linear(1, vec![vec![35], vec![34]], Activation::Wide),  // 38, 39
        Op::Ensemble(Ensemble { features: vec![38, 39], trees: 3, depth: 3, rank_bits: 4 }), // 40
        linear(2, vec![vec![36, 37, 36]], Activation::Relu),    // 41
        linear(3, vec![vec![36, 37]], Activation::Step),        // 42
        Op::Product { pairs: vec![[36, 37], [41, 42]] },        // 43, 44
    ];
    ops.extend(Function::ALL.map(|function| Op::Function { function, values: vec![36] }));
    let values: Vec<usize> = (40..45 + Function::ALL.len()).collect();
    let output = MatrixShape { rows: 1, inputs: values.len() };
    let matrices = [matrices, vec![output]].concat();
    ModelShape::new(matrices, ops, OutputMap { matrix: 4, values }).unwrap()
}

#[test]
#[ignore = "soak"]
fn a_leaf_of_every_operation_is_the_stock_provers_and_its_sheet_verifies() {
    assert_sheet(&Sample::of(&every_operation(), 1).unwrap(), 1);
}

/// Leaves of the standard classes, their reductions and their sheets.
#[test]
#[ignore = "soak"]
fn every_leaf_and_reduction_is_the_stock_provers_and_every_sheet_verifies() {
    let mut reductions = 0;
    for class in standard_classes().unwrap() {
        for slots in CAPACITIES {
            reductions += assert_sheet(&Sample::of(&class, slots).unwrap(), slots);
        }
    }
    assert!(reductions > 0, "no class needs a reduction");
}

/// The shrink and the wraps of the compact profiles.
#[test]
#[ignore = "soak"]
fn every_compact_step_is_the_stock_provers() {
    let pipeline = Pipeline::build(&[64, 64], 1).unwrap();
    let (sheet, _) = pipeline.prove().unwrap();
    let shown = pipeline.sample.shown(&sheet, &pipeline.sheet);
    let shrink = ShrinkCircuit::build(&pipeline.sheet.shape());
    let key = pipeline.sheet.key();
    let witness = shrink.witness(&sheet, &key, &shown.keys, &shown.data, shown.sigma).unwrap();
    assert_equal(shrink.data(), &witness);
    let prover = FastCircuit::new(shrink.data()).unwrap();
    let proof = ShrinkProof::new(prover.prove(shrink.data(), witness, &run()).unwrap());
    shrink.verify(&proof, &shown.inputs).unwrap();
    for queries in [CompactQueries::Ten, CompactQueries::Sixteen] {
        let wrap = CompactCircuit::build(&shrink, queries);
        let security = wrap.info().security;
        assert!(security.minimum() >= MINIMUM_BITS, "{security:?}");
        assert_equal(wrap.data(), &wrap.witness(&proof).unwrap());
    }
}
