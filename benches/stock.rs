//! A dense ReLU network for one slot from plonky2's own gadgets: what the project's gates are measured against.

use plonky2::{
    field::types::Field,
    iop::{
        target::Target,
        witness::{PartialWitness, WitnessWrite},
    },
    plonk::circuit_data::CircuitData,
};
use sotto_circuits::field::{Builder, C, D, F, leaf_config};
use sotto_model::program::{LinearFormat, Shape};

/// Bits of the accumulators' images, which the stock range check splits.
const ACCUMULATOR_BITS: usize = 60;

/// The network's circuit with witness weights. It constrains the ranges of weights, quotients and remainders, and the
/// rectifier; it commits to nothing, has no input maps and no policy, so it is less than a leaf.
#[derive(Debug)]
pub struct StockNetwork {
    /// Rows before padding.
    pub rows: usize,
    data: CircuitData<F, C, D>,
    inputs: Vec<Target>,
    weights: Vec<Target>,
}

impl StockNetwork {
    /// Builds the circuit of a class.
    pub fn build(class: &Shape) -> Self {
        let mut builder = Builder::new(leaf_config());
        let inputs: Vec<Target> =
            (0..sotto_model_inputs(class)).map(|_| builder.add_virtual_target()).collect();
        let mut weights = Vec::new();
        let mut values = inputs.clone();
        for format in class.linear_formats() {
            values = dense(&mut builder, format, &values, &mut weights);
        }
        builder.register_public_inputs(&values);
        let rows = builder.num_gates();
        Self { rows, data: builder.build::<C>(), inputs, weights }
    }

    /// Proves the network on constant weights and inputs.
    ///
    /// # Panics
    /// When the prover fails, which would be a flaw of the benchmark.
    #[allow(clippy::expect_used)]
    pub fn prove(&self) {
        let mut witness = PartialWitness::new();
        for &input in &self.inputs {
            witness.set_target(input, F::from_canonical_u64(1 << 20)).expect("a fresh target");
        }
        for &weight in &self.weights {
            witness.set_target(weight, F::from_canonical_u64(1 << 10)).expect("a fresh target");
        }
        self.data.prove(witness).expect("the witness satisfies the circuit");
    }
}

fn sotto_model_inputs(class: &Shape) -> usize {
    class.linear_formats().first().map_or(0, |format| format.inputs)
}

/// One layer: products by `mul_add`, weights and remainders by `range_check`, the rectifier by a select on the sign.
fn dense(
    builder: &mut Builder,
    format: &LinearFormat,
    values: &[Target],
    weights: &mut Vec<Target>,
) -> Vec<Target> {
    let offset = builder.constant(F::from_canonical_u64(1 << (ACCUMULATOR_BITS - 1)));
    let half = builder.constant(F::from_canonical_u64(1 << (format.shift - 1)));
    let zero = builder.zero();
    let outputs = (0..format.rows).map(|_| {
        let mut acc = half;
        for &value in values {
            let weight = builder.add_virtual_target();
            builder.range_check(weight, format.weight_bits as usize);
            weights.push(weight);
            acc = builder.mul_add(weight, value, acc);
        }
        let image = builder.add(acc, offset);
        let bits = builder.split_le(image, ACCUMULATOR_BITS);
        let kept = &bits[format.shift as usize..ACCUMULATOR_BITS - 1];
        let quotient = builder.le_sum(kept.iter());
        builder.select(bits[ACCUMULATOR_BITS - 1], quotient, zero)
    });
    outputs.collect()
}
