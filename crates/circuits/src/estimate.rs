//! What a leaf will cost, before it is built.

use std::collections::BTreeMap;

use serde::Serialize;
use sotto_model::program::{Ensemble, Format, LEAF_BITS, Linear, Op, Shape, shift_of};
use sotto_types::{MARKET_FEATURES, MODEL_FEATURES, SLOTS};

use crate::{
    evaluate::features_read,
    gadgets::{
        clamp::Clamp,
        function::FunctionGadget,
        gate::Gadget,
        matmul::MatMul,
        pack::Pack,
        requant::{Requant, Step},
        tree::{Between, DIGIT_BITS, Descend, Digits, NODE_BITS, NodeSplit, Select, Steps},
    },
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

/// Bytes that proving takes for each padded row.
const BYTES_PER_ROW: u64 = 40_000;
/// Seconds that proving takes for each padded row.
const SECONDS_PER_ROW: f64 = 1.4e-4;
/// Elements that a row of Poseidon absorbs.
const RATE: usize = 8;

/// Estimates the leaf of a class and capacity from its shape alone, within a few rows in a hundred.
pub fn estimate(shape: &Shape, capacity: usize) -> Estimate {
    let mut count = Count { shape, capacity, rows: BTreeMap::new(), elements: 0 };
    count.parameters();
    count.inputs();
    for op in shape.ops() {
        count.op(op);
    }
    let output = shape.output();
    count.products(1, std::slice::from_ref(&output.values));
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
    rows: BTreeMap<&'static str, usize>,
    /// Elements of the commitment's message.
    elements: usize,
}

fn rows_of<G: Gadget>(gadget: &G, ops: usize) -> usize {
    ops.div_ceil(gadget.ops())
}

impl Count<'_> {
    fn add(&mut self, part: &'static str, rows: usize) {
        *self.rows.entry(part).or_default() += rows;
    }

    fn pack(&mut self, bits: u32, parameters: usize) {
        let pack = Pack::of(bits);
        let elements = parameters.div_ceil(pack.count);
        self.elements += elements;
        self.add("range checks", rows_of(&pack, elements));
    }

    fn parameters(&mut self) {
        self.elements += 2 * MODEL_FEATURES + 2;
        self.add("range checks", MODEL_FEATURES + 1);
        let shape = self.shape;
        for format in shape.linear_formats() {
            self.pack(format.weight_bits, format.rows * format.inputs);
            self.pack(format.bias_bits, format.rows);
        }
        for e in shape.ensembles() {
            let steps = e.features.len() * e.thresholds().div_ceil(2);
            self.elements += steps;
            self.add("range checks", rows_of(&Steps, steps));
            self.pack(NODE_BITS, e.trees * e.nodes());
            self.pack(LEAF_BITS, e.trees << e.depth);
        }
    }

    fn inputs(&mut self) {
        let read = features_read(self.shape).into_iter().enumerate().filter(|&(_, read)| read);
        let ops = read.map(|(f, _)| if f < MARKET_FEATURES { 1 } else { self.capacity }).sum();
        self.add("inputs", rows_of(&Clamp, ops));
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
                    *self.rows.entry("products").or_default() += ops.div_ceil(gadget.ops());
                }
            }
            Op::Function { function, values } => {
                let ops = values.iter().map(|&v| self.width(&[v])).sum();
                self.add("functions", rows_of(&FunctionGadget(*function), ops));
            }
            Op::Ensemble(e) => self.ensemble(e),
        }
    }

    fn linear(&mut self, linear: &Linear) {
        let format = self.shape.linear_formats()[linear.matrix];
        let ops: usize = linear.columns.iter().map(|column| format.rows * self.width(column)).sum();
        let rows = match Requant::format(linear.activation) {
            Some(to) => rows_of(&Requant::to(to, format.shift, format.accumulator_bound(), false), ops),
            None => rows_of(&Step::of(format.accumulator_bound()), ops),
        };
        self.add("activations", rows);
        self.products(format.rows, &linear.columns);
    }

    /// Blocks of a matrix product, as the circuit splits it.
    fn products(&mut self, rows: usize, columns: &[Vec<usize>]) {
        let mut groups: BTreeMap<Vec<bool>, usize> = BTreeMap::new();
        for column in columns {
            let slotted = column.iter().map(|&v| self.shape.slotted()[v]).collect();
            *groups.entry(slotted).or_default() += 1;
        }
        for (slotted, count) in groups {
            let any = slotted.iter().any(|&s| s);
            let own = if any && self.capacity == 1 {
                slotted.len()
            } else {
                slotted.iter().filter(|&&s| s).count()
            };
            let same = slotted.len() - own;
            let blocks = |inner, width| MatMul::best(rows, inner, width).blocks(rows, inner, width);
            self.add("matrix products", blocks(same, count) + blocks(own, count * self.capacity));
        }
    }

    fn ensemble(&mut self, e: &Ensemble) {
        let columns = self.width(&e.features);
        let between = Between { rank_bits: e.rank_bits };
        let ranks: usize = e.features.iter().map(|&f| self.width(&[f])).sum();
        let digits = 2 * ranks * digit_selects(e.rank_bits);
        self.add("ranks", rows_of(&between, ranks) + rows_of(&Select::DIGIT, digits));
        let by_feature = Select::shared(e.features.len().next_power_of_two().ilog2().max(1));
        let steps = columns * e.trees * e.depth as usize;
        let chosen = (0..=e.depth).map(|level| choices(level, columns)).fold((0, 0), add);
        let blocks = MatMul::best(1, e.trees, columns).blocks(1, e.trees, columns);
        let shared = columns * e.depth as usize * e.trees.div_ceil(by_feature.columns);
        let rows = rows_of(&NodeSplit, steps) + rows_of(&Descend, steps);
        let rows = rows + e.trees * chosen.0 + rows_of(&Select::DIGIT, e.trees * chosen.1);
        self.add("trees", rows + shared + blocks);
    }
}

/// Shared rows, and selections by a digit, that choose one of a tree's `2^level` entries in each column.
fn choices(level: u32, columns: usize) -> (usize, usize) {
    let (digits, entries) = (Digits::of(columns), 1usize << level);
    let Some(gate) = digits.gate(entries) else { return (0, columns * digit_selects(level)) };
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
