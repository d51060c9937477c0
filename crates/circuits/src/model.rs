//! A model inside a circuit: its parameters, their range checks and commitment, and its arithmetic.

use plonky2::{
    field::types::Field,
    hash::hash_types::HashOutTarget,
    iop::witness::{PartialWitness, WitnessWrite},
};
use sotto_model::{IntModel, LayerFormat, ShapeClass};

use crate::{
    CircuitError,
    commitments::carried,
    field::{Builder, F, Target},
    gadgets::{
        gate::Rows,
        matmul::MatMul,
        pack::{InputMapCheck, Pack, PolicyCheck},
    },
    poseidon::{Domain, hash_targets},
};

/// Accumulators are decomposed into at most this many bits and a sign.
const MAX_ACCUMULATOR_BITS: u32 = 60;

/// Targets of one layer's parameters.
#[derive(Debug)]
pub(crate) struct LayerTargets {
    /// The layer's format.
    pub(crate) format: LayerFormat,
    /// Weights, row-major.
    pub(crate) weights: Vec<Target>,
    /// Biases.
    pub(crate) biases: Vec<Target>,
}

/// Targets of a model's parameters.
#[derive(Debug)]
pub(crate) struct ModelTargets {
    /// `lo`, `hi` (carried) and multiplier of each input.
    pub(crate) inputs: Vec<[Target; 3]>,
    /// Least and greatest quote (carried), most bids in a direction.
    pub(crate) policy: [Target; 3],
    /// The layers, first to last.
    pub(crate) layers: Vec<LayerTargets>,
}

impl ModelTargets {
    /// Fresh targets for the parameters of a class.
    pub(crate) fn new(builder: &mut Builder, class: &ShapeClass) -> Self {
        let layer = |format: LayerFormat, builder: &mut Builder| LayerTargets {
            format,
            weights: builder.add_virtual_targets(format.inputs * format.outputs),
            biases: builder.add_virtual_targets(format.outputs),
        };
        Self {
            inputs: (0..sotto_types::MODEL_FEATURES).map(|_| builder.add_virtual_target_arr()).collect(),
            policy: builder.add_virtual_target_arr(),
            layers: class.layers().into_iter().map(|format| layer(format, builder)).collect(),
        }
    }

    /// Checks the range of every parameter, and commits to all of them under the salt.
    pub(crate) fn commit(&self, builder: &mut Builder, salt: [Target; 2]) -> HashOutTarget {
        let mut message = salt.to_vec();
        let mut maps = Rows::new(InputMapCheck);
        for map in &self.inputs {
            message.extend(maps.op(builder, map));
            message.push(map[1]);
        }
        maps.finish(builder);
        let mut policy = Rows::new(PolicyCheck);
        message.extend(policy.op(builder, &self.policy));
        policy.finish(builder);
        message.push(self.policy[1]);

        let mut packs: Vec<Rows<Pack>> = Vec::new();
        for layer in &self.layers {
            for (bits, parameters) in
                [(layer.format.weight_bits, &layer.weights), (layer.format.bias_bits, &layer.biases)]
            {
                message.extend(pack(builder, &mut packs, bits, parameters));
            }
        }
        for rows in packs {
            rows.finish(builder);
        }
        hash_targets(builder, Domain::Weights, &message)
    }

    /// Assigns a model's parameters.
    pub(crate) fn assign(&self, witness: &mut PartialWitness<F>, model: &IntModel) -> anyhow::Result<()> {
        for (targets, map) in self.inputs.iter().zip(model.inputs()) {
            let values = [carried(map.lo), carried(map.hi), F::from_canonical_u32(map.mult)];
            witness.set_target_arr(targets, &values)?;
        }
        let policy = model.policy();
        let values =
            [carried(policy.min_quote), carried(policy.max_quote), F::from_canonical_u8(policy.max_slots)];
        witness.set_target_arr(&self.policy, &values)?;
        for (targets, layer) in self.layers.iter().zip(model.layers()) {
            let weights: Vec<F> = layer.weights.iter().map(|&w| from_signed(i64::from(w))).collect();
            witness.set_target_arr(&targets.weights, &weights)?;
            let biases: Vec<F> = layer.biases.iter().map(|&b| from_signed(b)).collect();
            witness.set_target_arr(&targets.biases, &biases)?;
        }
        Ok(())
    }
}

/// A signed integer as a field element.
pub(crate) fn from_signed(x: i64) -> F {
    let magnitude = F::from_canonical_u64(x.unsigned_abs());
    if x < 0 { -magnitude } else { magnitude }
}

fn pack(builder: &mut Builder, packs: &mut Vec<Rows<Pack>>, bits: u32, parameters: &[Target]) -> Vec<Target> {
    let gadget = Pack::of(bits);
    let zero = builder.zero();
    let position = packs.iter().position(|rows| *rows.gadget() == gadget).unwrap_or_else(|| {
        packs.push(Rows::new(gadget.clone()));
        packs.len() - 1
    });
    let mut packed = Vec::with_capacity(parameters.len().div_ceil(gadget.count));
    for chunk in parameters.chunks(gadget.count) {
        let mut inputs = chunk.to_vec();
        inputs.resize(gadget.count, zero);
        packed.extend(packs[position].op(builder, &inputs));
    }
    packed
}

/// Bits `B`, even, such that a rounded accumulator of layer `position` lies in `[−2^B, 2^B)`.
///
/// # Errors
/// When the class could reach further than the gates decompose.
pub(crate) fn accumulator_bits(position: usize, format: &LayerFormat) -> Result<u32, CircuitError> {
    let bound = format.accumulator_bound() + (1 << (format.shift - 1));
    let bits = 128 - bound.leading_zeros();
    let bits = bits + bits % 2;
    if bits > MAX_ACCUMULATOR_BITS {
        return Err(CircuitError::Accumulator { layer: position, bound, limit_bits: MAX_ACCUMULATOR_BITS });
    }
    Ok(bits)
}

/// Adds a matrix product to accumulators.
///
/// `weights(r, k)` reads the weight of output `r` and input `k`; `values[k][c]` are inputs by slot; `accumulators[r][c]` are
/// added to. Returns `[r][c]`.
pub(crate) fn multiply(
    builder: &mut Builder,
    rows: &mut Rows<MatMul>,
    weights: impl Fn(usize, usize) -> Target,
    values: &[Vec<Target>],
    mut accumulators: Vec<Vec<Target>>,
) -> Vec<Vec<Target>> {
    let zero = builder.zero();
    let block = rows.gadget().clone();
    let (outputs, inputs) = (accumulators.len(), values.len());
    let columns = accumulators.first().map_or(0, Vec::len);
    for (r0, c0) in blocks(outputs, block.rows, columns, block.columns) {
        let cells: Vec<(usize, usize)> = (0..block.rows * block.columns)
            .map(|i| (r0 + i / block.columns, c0 + i % block.columns))
            .collect();
        for k0 in (0..inputs).step_by(block.inner) {
            let mut wires = Vec::with_capacity(block.rows * block.inner);
            for r in r0..r0 + block.rows {
                wires.extend(
                    (k0..k0 + block.inner).map(
                        |k| {
                            if r < outputs && k < inputs { weights(r, k) } else { zero }
                        },
                    ),
                );
            }
            for k in k0..k0 + block.inner {
                let value = |c| values.get(k).and_then(|row| row.get(c)).copied().unwrap_or(zero);
                wires.extend((c0..c0 + block.columns).map(value));
            }
            let accumulator = |&(r, c): &(usize, usize)| {
                accumulators.get(r).and_then(|row| row.get(c)).copied().unwrap_or(zero)
            };
            wires.extend(cells.iter().map(accumulator));
            for (&(r, c), output) in cells.iter().zip(rows.op(builder, &wires)) {
                if let Some(cell) = accumulators.get_mut(r).and_then(|row| row.get_mut(c)) {
                    *cell = output;
                }
            }
        }
    }
    accumulators
}

/// Corners of the blocks that cover `rows × columns`.
fn blocks(rows: usize, height: usize, columns: usize, width: usize) -> Vec<(usize, usize)> {
    let starts = |size, step| (0..size).step_by(step);
    starts(rows, height).flat_map(|r| starts(columns, width).map(move |c| (r, c))).collect()
}
