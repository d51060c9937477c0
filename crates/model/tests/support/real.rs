//! Models in real arithmetic, and rows of features for them.
#![allow(dead_code, reason = "each test file uses a part")]

use rand::{Rng, SeedableRng, rngs::StdRng};
use sotto_model::program::Function;
use sotto_model::{
    AffineInput, Calibration, Comparison, Frontend, ModelError, Policy, RealActivation, RealMatrix, RealNode,
    RealOp, RealProgram, Settings, TreeTable, program::Program, quantise,
};
use sotto_types::{MODEL_FEATURES, MarketFeatures, SlotFeatures};

pub(crate) const POLICY: Policy = Policy { min_quote: -900_000, max_quote: 900_000, max_slots: 32 };

/// Half the width of every feature's range.
const REACH: i32 = 1 << 22;

/// A model with the front end that reads it.
pub(crate) struct Sample {
    pub(crate) real: RealProgram,
    pub(crate) frontend: Frontend,
    pub(crate) rng: StdRng,
}

/// Builds a model operation by operation.
pub(crate) struct Builder {
    pub(crate) real: RealProgram,
    pub(crate) rng: StdRng,
}

impl Builder {
    pub(crate) fn new(inputs: usize, seed: u64) -> Self {
        let (matrices, ops, output) = (Vec::new(), Vec::new(), Vec::new());
        let real = RealProgram { inputs, matrices, ops, output, output_weights: (Vec::new(), 0.0) };
        Self { real, rng: StdRng::seed_from_u64(seed) }
    }

    /// A matrix of random weights that keeps values near one.
    pub(crate) fn matrix(&mut self, rows: usize, inputs: usize) -> usize {
        let size = 1.5 / (inputs as f64).sqrt();
        let weights = (0..rows * inputs).map(|_| size * self.rng.gen_range(-1.0..1.0)).collect();
        let biases = (0..rows).map(|_| self.rng.gen_range(-0.3..0.3)).collect();
        self.given(inputs, weights, biases)
    }

    pub(crate) fn given(&mut self, inputs: usize, weights: Vec<f64>, biases: Vec<f64>) -> usize {
        self.real.matrices.push(RealMatrix { inputs, weights, biases });
        self.real.matrices.len() - 1
    }

    fn push(&mut self, op: RealOp) -> Vec<usize> {
        let before = self.real.value_count();
        self.real.ops.push(op);
        (before..self.real.value_count()).collect()
    }

    pub(crate) fn apply(
        &mut self,
        matrix: usize,
        columns: &[&[usize]],
        activation: RealActivation,
    ) -> Vec<usize> {
        let columns = columns.iter().map(|c| c.to_vec()).collect();
        self.push(RealOp::Linear { matrix, columns, activation })
    }

    pub(crate) fn dense(&mut self, rows: usize, values: &[usize], activation: RealActivation) -> Vec<usize> {
        let matrix = self.matrix(rows, values.len());
        self.apply(matrix, &[values], activation)
    }

    pub(crate) fn product(&mut self, pairs: Vec<[usize; 2]>) -> Vec<usize> {
        self.push(RealOp::Product { pairs })
    }

    pub(crate) fn function(&mut self, function: Function, values: &[usize]) -> Vec<usize> {
        self.push(RealOp::Function { function, values: values.to_vec() })
    }

    pub(crate) fn trees(&mut self, features: &[usize], count: usize, depth: u32) -> usize {
        let trees = (0..count).map(|_| self.tree(features.len(), depth)).collect();
        self.push(RealOp::Ensemble { features: features.to_vec(), trees })[0]
    }

    fn tree(&mut self, features: usize, depth: u32) -> Vec<RealNode> {
        let mut nodes = Vec::new();
        self.grow(&mut nodes, features, depth);
        nodes
    }

    fn grow(&mut self, nodes: &mut Vec<RealNode>, features: usize, depth: u32) -> usize {
        let at = nodes.len();
        if depth == 0 || (at > 0 && self.rng.gen_bool(0.1)) {
            nodes.push(RealNode::Leaf(self.rng.gen_range(-20.0..20.0)));
            return at;
        }
        let comparison = if self.rng.gen_bool(0.5) { Comparison::Less } else { Comparison::LessOrEqual };
        let threshold = f64::from(self.rng.gen_range(-1.0f32..1.0));
        let feature = self.rng.gen_range(0..features);
        nodes.push(RealNode::Leaf(0.0));
        let left = self.grow(nodes, features, depth - 1);
        let right = self.grow(nodes, features, depth - 1);
        nodes[at] = RealNode::Inner { feature, threshold, comparison, children: [left, right] };
        at
    }

    pub(crate) fn output(mut self, values: &[usize]) -> Sample {
        let weights = values.iter().map(|_| self.rng.gen_range(-1.0..1.0)).collect();
        self.real.output = values.to_vec();
        self.real.output_weights = (weights, self.rng.gen_range(-1.0..1.0));
        let frontend = frontend(self.real.inputs);
        Sample { real: self.real, frontend, rng: self.rng }
    }
}

/// Every input is one feature, the last ones of the slot, as a number in [-1, 1].
pub(crate) fn frontend(inputs: usize) -> Frontend {
    let feature = |input: usize| (MODEL_FEATURES + 1 - inputs + input) % MODEL_FEATURES;
    let mut ranges = [None; MODEL_FEATURES];
    let inputs = (0..inputs).map(|input| {
        let mut factors = [0.0; MODEL_FEATURES];
        factors[feature(input)] = 1.0 / f64::from(REACH);
        ranges[feature(input)] = Some([-REACH, REACH]);
        AffineInput { factors, constant: 0.0, range: [-1.0, 1.0] }
    });
    let inputs = inputs.collect();
    Frontend { ranges, inputs }
}

impl Sample {
    /// Random features.
    pub(crate) fn row(&mut self) -> (MarketFeatures, SlotFeatures) {
        let mut draw = || self.rng.gen_range(-REACH..=REACH);
        let market = [0; 32].map(|_| draw());
        (market, [0; 4].map(|_| draw()))
    }

    /// Ranges seen on random features.
    pub(crate) fn calibrate(&mut self, rows: usize) -> Calibration {
        let rows: Vec<_> = (0..rows).map(|_| self.row()).collect();
        let rows: Vec<Vec<f64>> = rows.iter().map(|(m, s)| self.frontend.apply(m, s)).collect();
        Calibration::observe(&self.real, rows.iter().map(Vec::as_slice))
    }

    pub(crate) fn quantise(&self, calibration: Option<&Calibration>) -> Result<Program, ModelError> {
        self.quantise_as(calibration, None)
    }

    pub(crate) fn quantise_as(
        &self,
        calibration: Option<&Calibration>,
        trees: Option<TreeTable>,
    ) -> Result<Program, ModelError> {
        let settings = Settings { calibration, pips: 100.0, policy: POLICY, trees };
        quantise(&self.real, &self.frontend, &settings)
    }

    /// Greatest difference in pips between integers and reals on random features.
    pub(crate) fn error(&mut self, program: &Program, rows: usize) -> f64 {
        (0..rows).fold(0.0, |most, _| {
            let (market, slot) = self.row();
            let real = 100.0 * self.real.evaluate(&self.frontend.apply(&market, &slot));
            let integer = program.output(&market, &slot) as f64;
            f64::max(most, (real - integer).abs())
        })
    }
}
