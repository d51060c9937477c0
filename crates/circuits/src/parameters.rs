//! A program's parameters: their canonical order, range checks and commitment, natively and in circuits from one code.
//!
//! The message of a commitment, after the salt, is:
//!
//! 1. for each of the 36 inputs `lo + 2^32·m` and `hi` (carried);
//! 2. the policy's `min + 2^32·n` and `max` (carried);
//! 3. for each matrix its weights, row-major, then its biases, each list packed on its own: as many to an element as fit 62
//!    bits, offset to be unsigned, the last element filled with zeros; a large matrix ([`crate::freivalds`]: at least 32 rows and
//!    more than 2^14 weights) is a list for each column instead;
//! 4. for each ensemble, for each feature the increments of its thresholds, the first from −2^29, two to an element of 30
//!    bits each, an increment of zero after the last; then the nodes as `2^12·feature + rank − 2^17` and the leaves, packed
//!    as weights of 18 and 20 bits are.
//!
//! How many elements that are follows from the shape. Each element has one reading, because what is packed is range-checked
//! and takes at most 62 bits, where the field has more than 63.

use std::sync::Arc;

use plonky2::{field::types::Field, hash::hash_types::HashOutTarget};
use sotto_model::program::{Format, LEAF_BITS, LinearFormat, Program, Shape};
use sotto_types::MODEL_FEATURES;

use crate::{
    commitments::carried,
    field::{Builder, F, Target},
    freivalds::{by_columns, elements, plan},
    gadgets::{
        gate::{Gadget, Pool, Rows, element},
        pack::{InputMapCheck, Pack, PolicyCheck},
        tree::{NODE_BITS, Steps, node_value},
    },
    poseidon::{Domain, hash_targets},
};

/// Parameters of an ensemble, as field elements or targets.
#[derive(Clone, Debug)]
pub(crate) struct Trees<V> {
    /// Thresholds of each feature, not decreasing.
    pub(crate) thresholds: Vec<Vec<V>>,
    /// Nodes, tree after tree, level by level, in the form of [`node_value`].
    pub(crate) nodes: Vec<V>,
    /// Leaves, tree after tree.
    pub(crate) leaves: Vec<V>,
}

/// Weights of a matrix.
#[derive(Clone, Debug)]
pub(crate) enum Weights<V> {
    /// Each, row-major.
    Each(Vec<V>),
    /// In the packed form in which they are committed, for a matrix whose products are claimed.
    Packed(Arc<[V]>),
}

impl<V> Weights<V> {
    /// Whatever represents them.
    pub(crate) fn elements(&self) -> &[V] {
        match self {
            Self::Each(weights) => weights,
            Self::Packed(elements) => elements,
        }
    }
}

/// Weights and biases.
#[derive(Clone, Debug)]
pub(crate) struct Matrix<V> {
    /// Weights.
    pub(crate) weights: Weights<V>,
    /// Biases.
    pub(crate) biases: Vec<V>,
}

/// All parameters, as field elements or targets.
#[derive(Clone, Debug)]
pub(crate) struct Parameters<V> {
    /// `lo`, `hi` (carried) and multiplier of each input.
    pub(crate) inputs: Vec<[V; 3]>,
    /// Least and greatest quote (carried), most bids in a direction.
    pub(crate) policy: [V; 3],
    /// Matrices.
    pub(crate) matrices: Vec<Matrix<V>>,
    /// Ensembles.
    pub(crate) ensembles: Vec<Trees<V>>,
}

/// A signed integer as a field element.
pub(crate) fn from_signed(x: i64) -> F {
    let magnitude = F::from_canonical_u64(x.unsigned_abs());
    if x < 0 { -magnitude } else { magnitude }
}

impl<V: Copy> Parameters<V> {
    /// Every parameter, in one order.
    pub(crate) fn flatten(&self) -> Vec<V> {
        let mut out: Vec<V> = self.inputs.iter().flatten().chain(&self.policy).copied().collect();
        for matrix in &self.matrices {
            out.extend(matrix.weights.elements().iter().chain(&matrix.biases));
        }
        for trees in &self.ensembles {
            out.extend(trees.thresholds.iter().flatten().chain(&trees.nodes).chain(&trees.leaves));
        }
        out
    }
}

impl Parameters<F> {
    /// The parameters of a program.
    pub(crate) fn of(program: &Program) -> Self {
        let policy = program.policy();
        let input =
            |map: &sotto_model::InputMap| [carried(map.lo), carried(map.hi), F::from_canonical_u32(map.mult)];
        let matrix = |dense: &sotto_model::Dense| Matrix {
            weights: Weights::Each(dense.weights.iter().map(|&w| from_signed(i64::from(w))).collect()),
            biases: dense.biases.iter().map(|&b| from_signed(b)).collect(),
        };
        let small = |xs: &[i32]| xs.iter().map(|&x| from_signed(i64::from(x))).collect::<Vec<F>>();
        let trees = |e: &sotto_model::program::EnsembleParameters| Trees {
            thresholds: e.thresholds.iter().map(|t| small(t)).collect(),
            nodes: e.nodes.iter().map(|n| from_signed(node_value(n.feature, n.rank))).collect(),
            leaves: small(&e.leaves),
        };
        Self {
            inputs: program.inputs().iter().map(input).collect(),
            policy: [
                carried(policy.min_quote),
                carried(policy.max_quote),
                F::from_canonical_u8(policy.max_slots),
            ],
            matrices: program.matrices().iter().map(matrix).collect(),
            ensembles: program.ensembles().iter().map(trees).collect(),
        }
    }

    /// The same with the weights packed that `targets` has packed.
    pub(crate) fn like(mut self, shape: &Shape, targets: &Parameters<Target>) -> Self {
        let matrices = self.matrices.iter_mut().zip(&targets.matrices).zip(shape.linear_formats());
        for ((matrix, target), format) in matrices {
            if matches!(target.weights, Weights::Packed(_)) {
                let mut elements = Vec::new();
                pack_weights(&mut Native, format, &matrix.weights, &mut elements);
                matrix.weights = Weights::Packed(elements.into());
            }
        }
        self
    }
}

impl Parameters<Target> {
    /// Fresh targets for the parameters of a shape, at a leaf's capacity.
    pub(crate) fn new(builder: &mut Builder, shape: &Shape, capacity: usize) -> Self {
        let routed_wires = builder.config.num_routed_wires;
        let mut targets = |count| builder.add_virtual_targets(count);
        let matrices = shape.linear_formats().iter().enumerate();
        let matrices = matrices
            .map(|(matrix, format)| {
                let weights = match plan(shape, capacity, routed_wires, matrix) {
                    (true, _) => Weights::Packed(targets(elements(format)).into()),
                    (false, _) => Weights::Each(targets(format.rows * format.inputs)),
                };
                Matrix { weights, biases: targets(format.rows) }
            })
            .collect();
        let ensembles = shape
            .ensembles()
            .map(|e| Trees {
                thresholds: e.features.iter().map(|_| targets(e.thresholds())).collect(),
                nodes: targets(e.trees * e.nodes()),
                leaves: targets(e.trees << e.depth),
            })
            .collect();
        Self {
            inputs: (0..MODEL_FEATURES).map(|_| builder.add_virtual_target_arr()).collect(),
            policy: builder.add_virtual_target_arr(),
            matrices,
            ensembles,
        }
    }

    /// Checks the range of every parameter but packed weights, and commits to all of them under the salt.
    pub(crate) fn commit(&self, builder: &mut Builder, shape: &Shape, salt: [Target; 2]) -> HashOutTarget {
        let mut checks = Checks {
            builder,
            maps: Rows::new(InputMapCheck),
            policies: Rows::new(PolicyCheck),
            packs: Pool::new(),
            steps: Rows::new(Steps),
        };
        let mut message = salt.to_vec();
        message.extend(packed(&mut checks, shape, self));
        let Checks { builder, maps, policies, packs, steps } = checks;
        maps.finish(builder);
        policies.finish(builder);
        packs.finish(builder);
        steps.finish(builder);
        hash_targets(builder, Domain::Weights, &message)
    }
}

/// What checks and packs parameters: the gadgets' arithmetic, natively or as rows of a circuit.
pub(crate) trait Packer {
    /// A parameter.
    type V: Copy;

    /// A constant.
    fn constant(&mut self, value: i64) -> Self::V;
    /// Packs an input's map.
    fn map(&mut self, map: &[Self::V; 3]) -> Self::V;
    /// Packs the policy.
    fn policy(&mut self, policy: &[Self::V; 3]) -> Self::V;
    /// Packs signed parameters, exactly as many as the gadget takes.
    fn pack(&mut self, pack: &Pack, parameters: &[Self::V]) -> Self::V;
    /// Packs a threshold before and two after.
    fn steps(&mut self, thresholds: &[Self::V; 3]) -> Self::V;
}

/// Natively: the gadgets' outputs, unchecked.
pub(crate) struct Native;

impl Native {
    fn first<G: Gadget>(gadget: &G, inputs: &[F]) -> F {
        gadget.fill(inputs).first().copied().unwrap_or(F::ZERO)
    }
}

impl Packer for Native {
    type V = F;

    fn constant(&mut self, value: i64) -> F {
        from_signed(value)
    }

    fn map(&mut self, map: &[F; 3]) -> F {
        Self::first(&InputMapCheck, map)
    }

    fn policy(&mut self, policy: &[F; 3]) -> F {
        Self::first(&PolicyCheck, policy)
    }

    fn pack(&mut self, pack: &Pack, parameters: &[F]) -> F {
        Self::first(pack, parameters)
    }

    fn steps(&mut self, thresholds: &[F; 3]) -> F {
        Self::first(&Steps, thresholds)
    }
}

/// In a circuit: rows of the gadgets.
struct Checks<'a> {
    builder: &'a mut Builder,
    maps: Rows<InputMapCheck>,
    policies: Rows<PolicyCheck>,
    packs: Pool<Pack>,
    steps: Rows<Steps>,
}

impl Packer for Checks<'_> {
    type V = Target;

    fn constant(&mut self, value: i64) -> Target {
        self.builder.constant(element(i128::from(value)))
    }

    fn map(&mut self, map: &[Target; 3]) -> Target {
        self.maps.op(self.builder, map)[0]
    }

    fn policy(&mut self, policy: &[Target; 3]) -> Target {
        self.policies.op(self.builder, policy)[0]
    }

    fn pack(&mut self, pack: &Pack, parameters: &[Target]) -> Target {
        self.packs.op(self.builder, pack, parameters)[0]
    }

    fn steps(&mut self, thresholds: &[Target; 3]) -> Target {
        self.steps.op(self.builder, thresholds)[0]
    }
}

/// The message of a commitment after the salt; see the module.
pub(crate) fn packed<P: Packer>(packer: &mut P, shape: &Shape, parameters: &Parameters<P::V>) -> Vec<P::V> {
    let mut message = Vec::new();
    for map in &parameters.inputs {
        message.extend([packer.map(map), map[1]]);
    }
    message.extend([packer.policy(&parameters.policy), parameters.policy[1]]);
    for (format, matrix) in shape.linear_formats().iter().zip(&parameters.matrices) {
        pack_weights(packer, format, &matrix.weights, &mut message);
        pack_list(packer, format.bias_bits, &matrix.biases, &mut message);
    }
    for trees in &parameters.ensembles {
        for thresholds in &trees.thresholds {
            let mut before = packer.constant(Format::WIDE.least());
            for pair in thresholds.chunks(2) {
                let last = pair[pair.len() - 1];
                message.push(packer.steps(&[before, pair[0], last]));
                before = last;
            }
        }
        pack_list(packer, NODE_BITS, &trees.nodes, &mut message);
        pack_list(packer, LEAF_BITS, &trees.leaves, &mut message);
    }
    message
}

fn pack_weights<P: Packer>(
    packer: &mut P,
    format: &LinearFormat,
    weights: &Weights<P::V>,
    message: &mut Vec<P::V>,
) {
    match weights {
        // Their fold checks the range.
        Weights::Packed(elements) => message.extend(elements.iter()),
        Weights::Each(weights) if by_columns(format) => {
            for k in 0..format.inputs {
                let column: Vec<P::V> = weights.iter().skip(k).step_by(format.inputs).copied().collect();
                pack_list(packer, format.weight_bits, &column, message);
            }
        }
        Weights::Each(weights) => pack_list(packer, format.weight_bits, weights, message),
    }
}

fn pack_list<P: Packer>(packer: &mut P, bits: u32, list: &[P::V], message: &mut Vec<P::V>) {
    let pack = Pack::of(bits);
    let zero = packer.constant(0);
    for chunk in list.chunks(pack.count) {
        let mut inputs = chunk.to_vec();
        inputs.resize(pack.count, zero);
        message.push(packer.pack(&pack, &inputs));
    }
}
