//! A small auction that the tests share: circuits and proofs are made once.

use std::sync::LazyLock;

use alloy_primitives::{Address, B256};
use rand::{Rng, SeedableRng, rngs::StdRng};
use sotto_model::{
    Dense, InputMap, Policy,
    program::{
        Activation, Ensemble, EnsembleParameters, Function, LEAF_BITS, Linear, LinearFormat, MatrixShape,
        Node, Op, OutputMap, Program, Shape,
    },
};
use sotto_types::{
    Claim, Digest, MarketFeatures, NO_BID, PublicData, Quote, SHEETS, SLOTS, SheetRef, Slot, SlotFeatures,
    carry,
};

use crate::{
    KeySet, KeyedSheet, LeafCircuit, LeafInputs, LeafProof, NodeCircuit, NodeProof, Salt, SealCircuit,
    SheetCircuit, SheetInputs, SheetProof, SheetShape, WrapCircuit, WrapProof, model_commitment,
    round_digest, sheet_commitment, strategy_id,
};

/// A dense network.
pub(super) fn small_class() -> Shape {
    Shape::dense(&[6, 5]).unwrap()
}

fn linear(matrix: usize, columns: Vec<Vec<usize>>, activation: Activation) -> Op {
    Op::Linear(Linear { matrix, columns, activation })
}

/// Every operation, activation and function, on values that are shared and values that are not, with a matrix that is
/// applied to mixed columns.
pub(super) fn every_operation() -> Shape {
    let matrices = [(2, 36), (3, 8), (2, 3), (1, 2), (2, 36), (1, 12)];
    let matrices = matrices.map(|(rows, inputs)| MatrixShape { rows, inputs }).to_vec();
    let functions = Function::ALL.map(|function| Op::Function { function, values: vec![38, 39] });
    let mut ops = vec![
        linear(0, vec![(0..36).collect()], Activation::Relu), // 36, 37
        linear(1, vec![(28..36).collect()], Activation::Signed), // 38 to 40
        linear(2, vec![vec![36, 37, 38], vec![40, 39, 36]], Activation::Signed), // 41 to 44
        linear(3, vec![vec![41, 38], vec![43, 42]], Activation::Step), // 45, 46
        linear(4, vec![(0..36).collect()], Activation::Signed), // 47, 48
        Op::Product { pairs: vec![[41, 42], [45, 43], [36, 41], [36, 37], [44, 44]] }, // 49 to 53
    ];
    ops.extend(functions); // 54 to 67
    let values = vec![49, 50, 51, 52, 53, 45, 54, 56, 59, 61, 64, 67];
    Shape::new(matrices, ops, OutputMap { matrix: 5, values }).unwrap()
}

/// Features of the market alone, which are computed once, and features of the slot.
pub(super) fn scopes() -> Shape {
    let matrices = [(3, 4), (1, 1), (5, 7), (1, 9)];
    let matrices = matrices.map(|(rows, inputs)| MatrixShape { rows, inputs }).to_vec();
    let ops = vec![
        linear(0, vec![vec![0, 1, 2, 3], vec![4, 5, 6, 7]], Activation::Signed), // 36 to 41
        Op::Function { function: Function::Sigmoid, values: (36..42).collect() }, // 42 to 47
        Op::Product { pairs: (36..42).map(|v| [v, v + 6]).collect() },           // 48 to 53
        linear(1, (36..42).map(|v| vec![v]).collect(), Activation::Relu),        // 54 to 59
        linear(2, vec![vec![0, 1, 2, 3, 32, 33, 35]], Activation::Relu),         // 60 to 64
    ];
    let values = vec![48, 50, 53, 54, 60, 61, 62, 63, 64];
    Shape::new(matrices, ops, OutputMap { matrix: 3, values }).unwrap()
}

/// Trees of this depth on features of the market and the slot.
pub(super) fn trees(trees: usize, depth: u32, rank_bits: u32, features: usize) -> Shape {
    let matrices = vec![MatrixShape { rows: 1, inputs: 1 }, MatrixShape { rows: 1, inputs: 1 }];
    let columns = (0..features).map(|feature| vec![35 - feature]).collect();
    let values: Vec<usize> = (36..36 + features).collect();
    let ops = vec![
        linear(0, columns, Activation::Wide),
        Op::Ensemble(Ensemble { features: values, trees, depth, rank_bits }),
    ];
    Shape::new(matrices, ops, OutputMap { matrix: 1, values: vec![36 + features] }).unwrap()
}

pub(super) const CAPACITY: usize = 4;
pub(super) const COMMIT_INDEX: u32 = 6;
pub(super) const SIGMA: [u64; 2] = [0x0123_4567_89ab_cdef, 42];

/// How parameters are drawn.
#[derive(Clone, Copy, Debug)]
pub(super) enum Draw {
    /// Uniform in their formats, inputs scaled so that outputs spread.
    Uniform,
    /// The least or greatest of their formats.
    Extreme,
}

impl Draw {
    fn signed(self, bits: u32, rng: &mut StdRng) -> i64 {
        let limit = 1i64 << (bits - 1);
        match self {
            Self::Uniform => rng.gen_range(-limit..limit),
            Self::Extreme => [-limit, limit - 1][rng.gen_range(0..2)],
        }
    }

    fn matrix(self, format: &LinearFormat, output: bool, rng: &mut StdRng) -> Dense {
        // Outputs spread, instead of saturating.
        let scale = if output && matches!(self, Self::Uniform) { 3 } else { 0 };
        let weights = (0..format.inputs * format.rows)
            .map(|_| i32::try_from(self.signed(format.weight_bits, rng) >> scale).unwrap())
            .collect();
        let biases = (0..format.rows).map(|_| self.signed(format.bias_bits, rng) >> (2 * scale)).collect();
        Dense { weights, biases }
    }

    /// Thresholds among what the features can be, with ties; nodes and leaves of any kind.
    fn ensemble(self, shape: &Ensemble, rng: &mut StdRng) -> EnsembleParameters {
        let thresholds = shape.features.iter().map(|_| {
            let used = rng.gen_range(0..=shape.thresholds());
            let mut thresholds: Vec<i32> = (0..shape.thresholds())
                .map(|i| match (i < used, self) {
                    (false, _) => (1 << 29) - 1,
                    (true, Self::Uniform) => rng.gen_range(-40..40) * 100_000,
                    (true, Self::Extreme) => i32::try_from(self.signed(30, rng)).unwrap(),
                })
                .collect();
            thresholds.sort_unstable();
            thresholds
        });
        let thresholds = thresholds.collect();
        let node = |rng: &mut StdRng| Node {
            feature: u8::try_from(rng.gen_range(0..shape.features.len())).unwrap(),
            rank: rng.gen_range(0..1u16 << shape.rank_bits),
        };
        let nodes = (0..shape.trees * shape.nodes()).map(|_| node(rng)).collect();
        let leaves = (0..shape.trees << shape.depth)
            .map(|_| i32::try_from(self.signed(LEAF_BITS, rng)).unwrap())
            .collect();
        EnsembleParameters { thresholds, nodes, leaves }
    }
}

/// A program of a shape. Maps to 30 bits pass a feature on, so that thresholds are met exactly at times.
pub(super) fn random_program(shape: &Shape, policy: Policy, draw: Draw, rng: &mut StdRng) -> Program {
    let wide = |matrix: usize| {
        let maps =
            |op: &Op| matches!(op, Op::Linear(l) if l.matrix == matrix && l.activation == Activation::Wide);
        shape.ops().iter().any(maps)
    };
    let matrices = shape
        .linear_formats()
        .iter()
        .enumerate()
        .map(|(matrix, format)| {
            if wide(matrix) && matches!(draw, Draw::Uniform) {
                return Dense { weights: vec![1 << 18; format.inputs], biases: vec![0] };
            }
            draw.matrix(format, matrix == shape.output().matrix, rng)
        })
        .collect();
    let inputs = std::array::from_fn(|_| match draw {
        Draw::Uniform => {
            let lo = rng.gen_range(-(1 << 20)..0);
            InputMap { lo, hi: rng.gen_range(0..1 << 20), mult: rng.gen_range(0..1 << 7) }
        }
        Draw::Extreme => InputMap { lo: 0, hi: (1 << 14) - 1, mult: 1 << 14 },
    });
    let ensembles: Vec<_> = shape.ensembles().map(|e| draw.ensemble(e, rng)).collect();
    Program::new(shape.clone(), inputs, matrices, ensembles, policy).unwrap()
}

/// A round whose first `live` slots hold intents.
pub(super) fn random_round(live: usize, rng: &mut StdRng) -> (B256, MarketFeatures, [Slot; SLOTS]) {
    let features = std::array::from_fn(|_| rng.r#gen::<i32>() >> rng.gen_range(0..20));
    let mut slots = [Slot::default(); SLOTS];
    for slot in &mut slots[..live] {
        slot.commitment = B256::from(rng.r#gen::<[u8; 32]>());
        slot.features = [rng.gen_range(0..2), rng.gen_range(-(1 << 20)..1 << 20), rng.r#gen(), i32::MIN + 1];
    }
    (B256::from(rng.r#gen::<[u8; 32]>()), features, slots)
}

/// What the reference executor quotes.
pub(super) fn executor(
    program: &Program,
    features: &MarketFeatures,
    slots: &[Slot; SLOTS],
) -> [Quote; SLOTS] {
    let options: [Option<SlotFeatures>; SLOTS] =
        slots.map(|slot| (!slot.is_empty()).then_some(slot.features));
    program.sheet(features, &options)
}

/// One strategy in one round.
pub(super) struct Auction {
    pub(super) program: Program,
    pub(super) salt: Salt,
    pub(super) owner: Address,
    pub(super) round_id: B256,
    pub(super) features: MarketFeatures,
    pub(super) slots: [Slot; SLOTS],
    pub(super) sheet_salt: Salt,
}

impl Auction {
    pub(super) fn inputs(&self) -> LeafInputs<'_> {
        LeafInputs {
            program: &self.program,
            salt: &self.salt,
            owner: self.owner,
            round_id: self.round_id,
            features: &self.features,
            slots: &self.slots,
        }
    }

    pub(super) fn strategy(&self) -> Digest {
        strategy_id(self.owner, self.program.shape().id(), model_commitment(&self.program, &self.salt))
    }

    pub(super) fn quotes(&self) -> [Quote; SLOTS] {
        executor(&self.program, &self.features, &self.slots)
    }

    /// The public data of a tournament of this sheet alone.
    pub(super) fn data(&self, key_set_root: Digest) -> PublicData {
        let quotes = self.quotes();
        let round = round_digest(self.round_id, &self.features, &self.slots);
        let mut sheets = [SheetRef::default(); SHEETS];
        sheets[0] = SheetRef {
            index: COMMIT_INDEX + 1,
            strategy: self.strategy(),
            commitment: sheet_commitment(self.strategy(), round, &quotes, &self.sheet_salt),
        };
        PublicData {
            round_id: self.round_id,
            key_set_root,
            features: self.features,
            slots: self.slots,
            claims: quotes.map(|q| Claim {
                best: carry(q),
                second: 0,
                winner: if q == NO_BID { 0 } else { COMMIT_INDEX + 1 },
            }),
            sheets,
        }
    }
}

/// Three live slots, of which two are bid on.
pub(super) static AUCTION: LazyLock<Auction> = LazyLock::new(|| {
    let policy = Policy { min_quote: -900_000, max_quote: 900_000, max_slots: 2 };
    // The first seed that gives both bids and a no-bid by the limit.
    (1..1000)
        .find_map(|seed| {
            let rng = &mut StdRng::seed_from_u64(seed);
            let program = random_program(&small_class(), policy, Draw::Uniform, rng);
            let (round_id, features, mut slots) = random_round(3, rng);
            for slot in &mut slots[..3] {
                slot.features[0] = 1;
            }
            let auction = Auction {
                program,
                salt: Salt::from_bytes(rng.r#gen()),
                owner: Address::from(rng.r#gen::<[u8; 20]>()),
                round_id,
                features,
                slots,
                sheet_salt: Salt::from_bytes(rng.r#gen()),
            };
            let bids = auction.quotes().iter().filter(|&&q| q != NO_BID).count();
            (bids == 2).then_some(auction)
        })
        .unwrap()
});

pub(super) static LEAF: LazyLock<LeafCircuit> =
    LazyLock::new(|| LeafCircuit::build(&small_class(), CAPACITY).unwrap());
pub(super) static SHEET: LazyLock<SheetCircuit> = LazyLock::new(|| SheetCircuit::build(&LEAF).unwrap());
pub(super) static SHAPE: LazyLock<SheetShape> = LazyLock::new(|| SHEET.shape());
pub(super) static WRAP: LazyLock<WrapCircuit> = LazyLock::new(|| WrapCircuit::build(&SHAPE).unwrap());
pub(super) static KEYS: LazyLock<KeySet> = LazyLock::new(|| {
    let mut keys = KeySet::committed().unwrap().keys().to_vec();
    keys.push(SHEET.key());
    KeySet::new(keys).unwrap()
});
pub(super) static LEAF_PROOF: LazyLock<LeafProof> = LazyLock::new(|| LEAF.prove(&AUCTION.inputs()).unwrap());
pub(super) static SHEET_PROOF: LazyLock<SheetProof> = LazyLock::new(|| {
    let inputs = SheetInputs {
        sheet_salt: &AUCTION.sheet_salt,
        commit_index: COMMIT_INDEX,
        key_set_root: KEYS.root(),
    };
    SHEET.prove(&LEAF_PROOF, &inputs).unwrap()
});
pub(super) static DATA: LazyLock<PublicData> = LazyLock::new(|| AUCTION.data(KEYS.root()));
pub(super) static WRAP_PROOF: LazyLock<WrapProof> =
    LazyLock::new(|| WRAP.prove(&SHEET_PROOF, &SHEET.key(), &KEYS, &DATA, SIGMA).unwrap());

/// Another owner's sheet of the same round.
pub(super) static RIVAL: LazyLock<Auction> = LazyLock::new(|| Auction {
    program: AUCTION.program.clone(),
    salt: AUCTION.salt.clone(),
    owner: Address::repeat_byte(7),
    sheet_salt: Salt::from_bytes([9; 16]),
    ..*AUCTION
});
pub(super) const RIVAL_INDEX: u32 = 9;
pub(super) static RIVAL_PROOF: LazyLock<SheetProof> = LazyLock::new(|| rival_at(RIVAL_INDEX, KEYS.root()));

/// The rival's sheet at a commit index and under a key-set root, both free in the sheet's circuit.
pub(super) fn rival_at(commit_index: u32, key_set_root: Digest) -> SheetProof {
    let leaf = LEAF.prove(&RIVAL.inputs()).unwrap();
    let inputs = SheetInputs { sheet_salt: &RIVAL.sheet_salt, commit_index, key_set_root };
    SHEET.prove(&leaf, &inputs).unwrap()
}

/// Nodes of levels 1 and 2, with their seals.
pub(super) static NODES: LazyLock<[NodeCircuit; 2]> = LazyLock::new(|| {
    let first = NodeCircuit::first(&SHAPE);
    let second = first.next().unwrap();
    [first, second]
});
pub(super) static SEALS: LazyLock<[SealCircuit; 2]> =
    LazyLock::new(|| [0, 1].map(|i| SealCircuit::build(&NODES[i], &SHAPE).unwrap()));
/// Both sheets merged.
pub(super) static NODE_PROOF: LazyLock<NodeProof> = LazyLock::new(|| {
    let key = &SHEET.key();
    let [left, right] = [&*SHEET_PROOF, &*RIVAL_PROOF].map(|proof| KeyedSheet { proof, key });
    NODES[0].prove_sheets(left, Some(right), &KEYS).unwrap()
});
