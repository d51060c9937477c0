//! What a leaf will cost, before it is built.

use std::collections::BTreeMap;

use serde::Serialize;
use sotto_model::program::{Ensemble, Format, LEAF_BITS, Linear, Op, Shape, shift_of};
use sotto_types::{MARKET_FEATURES, MODEL_FEATURES, SLOTS};

use crate::{
    evaluate::features_read,
    field::ROUTED_WIRES,
    freivalds::{by_columns, elements, plan},
    gadgets::{
        clamp::Clamp,
        function::FunctionGadget,
        gate::Gadget,
        matmul::MatMul,
        pack::Pack,
        requant::{Requant, Step},
        tree::{Between, DIGIT_BITS, Descend, Digits, NODE_BITS, NodeSplit, Select, Steps},
    },
    poseidon::RATE,
};

/// Rows of one part of a leaf.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartRows {
    /// What they are for.
    pub part: &'static str,
    /// How many.
    pub rows: usize,
}

/// What a leaf will cost. Rows are counted; seconds and bytes are rough guesses from
/// the rows alone, not measurements.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Estimate {
    /// Rows by part.
    pub parts: Vec<PartRows>,
    /// Rows in all, before padding.
    pub rows: usize,
    /// log2 of the rows of the finished circuit.
    pub degree_bits: usize,
    /// Memory of proving, in bytes.
    pub memory_bytes: u64,
    /// Time of proving.
    pub prove_seconds: f64,
}

/// log2 of the rows up to which a leaf has all routed wires. A larger one keeps 100 bits in its batching by having fewer
/// polynomials; see [`crate::security`].
pub(crate) const WIDE_DEGREE_BITS: usize = 16;

/// Most features of an ensemble in a leaf that has fewer routed wires: more are selected by 64 entries, which take all of them.
const NARROW_FEATURES: usize = 32;

/// Routed wires of a leaf beyond [`WIDE_DEGREE_BITS`]: 60 for trees alone, which use them. Functions and claimed products are gates
/// of a high degree, which take selectors, and leave fewer. None for a class that needs all routed wires.
pub(crate) fn narrow(shape: &Shape) -> Option<usize> {
    if shape.ensembles().any(|e| e.features.len() > NARROW_FEATURES) {
        return None;
    }
    let functions = shape.ops().iter().any(|op| matches!(op, Op::Function { .. }));
    Some(if functions || shape.linear_formats().iter().any(by_columns) { 56 } else { 60 })
}

/// Bytes that proving takes for each padded row.
const BYTES_PER_ROW: u64 = 40_000;
/// Seconds that proving takes for each padded row.
const SECONDS_PER_ROW: f64 = 1.4e-4;

/// Estimates the leaf of a class and capacity from its shape alone, within a few rows in a hundred.
pub fn estimate(shape: &Shape, capacity: usize) -> Estimate {
    let wide = estimate_in(shape, capacity, ROUTED_WIRES);
    match narrow(shape) {
        Some(wires) if wide.degree_bits > WIDE_DEGREE_BITS => estimate_in(shape, capacity, wires),
        _ => wide,
    }
}

/// The same for a circuit with this many routed wires.
fn estimate_in(shape: &Shape, capacity: usize, routed_wires: usize) -> Estimate {
    let mut count = Count { shape, capacity, routed_wires, rows: BTreeMap::new(), elements: 0 };
    count.parameters();
    count.inputs();
    for op in shape.ops() {
        count.op(op);
    }
    // The round's hash is of 424 elements and a tag; a strategy takes one row, the public inputs five.
    count.elements += 2;
    let hashes = (count.elements + 1).div_ceil(RATE) + 425usize.div_ceil(RATE) + 6;
    count.add("hashes", hashes);
    count.add("policy", capacity + capacity.div_ceil(5) + capacity.div_ceil(8) + SLOTS / 2);
    let parts: Vec<PartRows> = count.rows.into_iter().map(|(part, rows)| PartRows { part, rows }).collect();
    let rows = parts.iter().map(|part| part.rows).sum::<usize>();
    let degree_bits = rows.next_power_of_two().trailing_zeros() as usize;
    Estimate {
        parts,
        rows,
        degree_bits,
        memory_bytes: BYTES_PER_ROW << degree_bits,
        prove_seconds: SECONDS_PER_ROW * (1u64 << degree_bits) as f64,
    }
}

struct Count<'a> {
    shape: &'a Shape,
    capacity: usize,
    routed_wires: usize,
    rows: BTreeMap<&'static str, usize>,
    /// Elements of the commitment's message.
    elements: usize,
}

impl Count<'_> {
    fn rows_of<G: Gadget>(&self, gadget: &G, ops: usize) -> usize {
        ops.div_ceil(gadget.ops(self.routed_wires))
    }

    fn add(&mut self, part: &'static str, rows: usize) {
        *self.rows.entry(part).or_default() += rows;
    }

    fn pack(&mut self, bits: u32, parameters: usize) {
        let pack = Pack::of(bits);
        let elements = parameters.div_ceil(pack.count);
        self.elements += elements;
        self.add("range checks", self.rows_of(&pack, elements));
    }

    fn parameters(&mut self) {
        self.elements += 2 * MODEL_FEATURES + 2;
        self.add("range checks", MODEL_FEATURES + 1);
        let shape = self.shape;
        let mut claimed = 0;
        for (matrix, format) in shape.linear_formats().iter().enumerate() {
            let (_, rows) = plan(shape, self.capacity, self.routed_wires, matrix);
            self.elements += elements(format);
            self.add("range checks", rows.weights);
            self.add("matrix products", rows.products);
            claimed += rows.claimed;
            self.pack(format.bias_bits, format.rows);
        }
        if claimed > 0 {
            // Commitment, round digest and tag.
            self.add("hashes", (claimed + 9).div_ceil(RATE));
        }
        for e in shape.ensembles() {
            let steps = e.features.len() * e.thresholds().div_ceil(2);
            self.elements += steps;
            self.add("range checks", self.rows_of(&Steps, steps));
            self.pack(NODE_BITS, e.trees * e.nodes());
            self.pack(LEAF_BITS, e.trees << e.depth);
        }
    }

    fn inputs(&mut self) {
        let read = features_read(self.shape).into_iter().enumerate().filter(|&(_, read)| read);
        let ops = read.map(|(f, _)| if f < MARKET_FEATURES { 1 } else { self.capacity }).sum();
        self.add("inputs", self.rows_of(&Clamp, ops));
    }

    /// 1 for a value that is shared, otherwise the slots.
    fn width(&self, values: &[usize]) -> usize {
        if values.iter().any(|&v| self.shape.slotted()[v]) { self.capacity } else { 1 }
    }

    fn op(&mut self, op: &Op) {
        match op {
            Op::Linear(linear) => self.linear(linear),
            Op::Product { pairs } => {
                for &pair in pairs {
                    let formats = self.shape.formats();
                    let bound = 1u128 << (formats[pair[0]].magnitude() + formats[pair[1]].magnitude());
                    let gadget = Requant::to(Format::SIGNED, shift_of(formats, pair), bound, true);
                    let ops = self.width(&pair);
                    // Hundredths, to add parts of rows.
                    *self.rows.entry("products").or_default() += ops.div_ceil(gadget.ops(self.routed_wires));
                }
            }
            Op::Function { function, values } => {
                let ops = values.iter().map(|&v| self.width(&[v])).sum();
                self.add("functions", self.rows_of(&FunctionGadget(*function), ops));
            }
            Op::Ensemble(e) => self.ensemble(e),
        }
    }

    fn linear(&mut self, linear: &Linear) {
        let format = self.shape.linear_formats()[linear.matrix];
        let ops: usize = linear.columns.iter().map(|column| format.rows * self.width(column)).sum();
        let rows = match Requant::format(linear.activation) {
            Some(to) => self.rows_of(&Requant::to(to, format.shift, format.accumulator_bound(), false), ops),
            None => self.rows_of(&Step::of(format.accumulator_bound()), ops),
        };
        self.add("activations", rows);
    }

    fn ensemble(&mut self, e: &Ensemble) {
        let columns = self.width(&e.features);
        let between = Between { rank_bits: e.rank_bits };
        let ranks: usize = e.features.iter().map(|&f| self.width(&[f])).sum();
        let digits = 2 * ranks * digit_selects(e.rank_bits);
        self.add("ranks", self.rows_of(&between, ranks) + self.rows_of(&Select::DIGIT, digits));
        let by_feature = Select::by_feature(e.features.len(), self.routed_wires);
        let steps = columns * e.trees * e.depth as usize;
        let chosen = (0..=e.depth).map(|level| choices(level, columns, self.routed_wires)).fold((0, 0), add);
        let blocks = MatMul::best(1, e.trees, columns, self.routed_wires).blocks(1, e.trees, columns);
        let shared = columns * e.depth as usize * e.trees.div_ceil(by_feature.columns);
        let rows = self.rows_of(&NodeSplit, steps) + self.rows_of(&Descend, steps);
        let rows = rows + e.trees * chosen.0 + self.rows_of(&Select::DIGIT, e.trees * chosen.1);
        self.add("trees", rows + shared + blocks);
    }
}

/// Shared rows, and selections by a digit, that choose one of a tree's `2^level` entries in each column.
fn choices(level: u32, columns: usize, routed_wires: usize) -> (usize, usize) {
    let (digits, entries) = (Digits::of(columns, routed_wires), 1usize << level);
    let Some(gate) = digits.gate(entries, routed_wires) else { return (0, columns * digit_selects(level)) };
    let shared = entries.div_ceil(gate.entries()) * columns.div_ceil(gate.columns);
    (shared, columns * digit_selects(digits.rest(level)))
}

const fn add(a: (usize, usize), b: (usize, usize)) -> (usize, usize) {
    (a.0 + b.0, a.1 + b.1)
}

/// Selections by one digit that choose one of `2^bits` entries.
fn digit_selects(bits: u32) -> usize {
    let mut left = bits;
    let mut count = 0;
    while left > 0 {
        left = left.saturating_sub(DIGIT_BITS);
        count += 1usize << left;
    }
    count
}
