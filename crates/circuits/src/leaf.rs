//! The leaf: one strategy's model and policy on the slots of a round.

use alloy_primitives::{Address, B256};
use plonky2::{
    field::types::{Field64, PrimeField64},
    hash::poseidon::PoseidonHash,
    iop::witness::{PartialWitness, WitnessWrite},
};
use sotto_model::program::{Program, Shape};
use sotto_types::{Digest, MARKET_FEATURES, MarketFeatures, Quote, SLOTS, Slot, SlotFeature, carry, uncarry};

use crate::{
    CircuitError, Layer, Salt, SecurityTerms,
    commitments::{owner_limbs, round_elements},
    estimate::{WIDE_DEGREE_BITS, estimate, narrow},
    evaluate::{MAX_ACCUMULATOR_BITS, evaluate},
    field::{Builder, C, CircuitData, F, Proof, ROUTED_WIRES, Target, narrow_leaf_config},
    gadgets::{
        gate::Rows,
        quote::QuoteGadget,
        slot::{COMMITMENT_LIMBS, Live, SlotLimit},
    },
    parameters::Parameters,
    poseidon::{Domain, hash_targets},
    security::{MINIMUM_BITS, POSEIDON_DIGEST_BITS},
};

/// Capacities of leaves: how many slots at the front may hold intents.
pub const CAPACITIES: [usize; 4] = [1, 4, 16, 32];
/// Public inputs of a leaf: strategy (4), round digest (4), quotes (32).
pub const LEAF_PUBLIC_INPUTS: usize = 8 + SLOTS;

/// log2 of the rows that a leaf may have.
///
/// Of 2^18 rows, no circuit has 100 bits in its batching: the 135 wires alone are too many polynomials.
pub const MAX_LEAF_DEGREE_BITS: usize = 17;

/// Elements of a slot in the round's message.
const SLOT_ELEMENTS: usize = COMMITMENT_LIMBS + sotto_types::SLOT_FEATURES;

/// The least capacity whose leaf serves this many slots.
///
/// # Errors
/// When no leaf serves them.
pub fn capacity_for(slots: usize) -> Result<usize, CircuitError> {
    CAPACITIES.into_iter().find(|&c| slots <= c).ok_or(CircuitError::Capacity(slots))
}

/// What a leaf proves something of.
#[derive(Clone, Copy, Debug)]
pub struct LeafInputs<'a> {
    /// The private program.
    pub program: &'a Program,
    /// Salt of the model's commitment.
    pub salt: &'a Salt,
    /// Owner of the strategy.
    pub owner: Address,
    /// The round.
    pub round_id: B256,
    /// The round's market features.
    pub features: &'a MarketFeatures,
    /// The round's slots.
    pub slots: &'a [Slot; SLOTS],
}

/// The targets that a leaf's witness is given by.
#[derive(Debug)]
struct LeafTargets {
    salt: [Target; 2],
    owner: [Target; 3],
    parameters: Parameters<Target>,
    round_id: Vec<Target>,
    features: Vec<Target>,
    /// Commitment limbs, then features, of each slot.
    slots: Vec<Vec<Target>>,
}

/// The leaf circuit of a class and capacity.
#[derive(Debug)]
pub struct LeafCircuit {
    class: Shape,
    capacity: usize,
    targets: LeafTargets,
    pub(crate) data: CircuitData<C>,
    rows: usize,
}

/// A proof of a leaf. It is not zero-knowledge and must not leave the prover.
#[derive(Clone, PartialEq, Eq)]
pub struct LeafProof(pub(crate) Proof<C>);

impl std::fmt::Debug for LeafProof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LeafProof(..)")
    }
}

impl LeafProof {
    /// A proof as the proof system made it; it still has to be verified.
    pub const fn new(proof: Proof<C>) -> Self {
        Self(proof)
    }

    /// The proof system's view.
    pub const fn inner(&self) -> &Proof<C> {
        &self.0
    }

    fn digest(&self, at: usize) -> Digest {
        let element = |i| self.0.public_inputs.get(at + i).map_or(0, |e: &F| e.to_canonical_u64());
        Digest::new([element(0), element(1), element(2), element(3)]).unwrap_or_default()
    }

    /// The strategy.
    pub fn strategy(&self) -> Digest {
        self.digest(0)
    }

    /// The round.
    pub fn round_digest(&self) -> Digest {
        self.digest(4)
    }

    /// The quotes.
    pub fn quotes(&self) -> [Quote; SLOTS] {
        std::array::from_fn(|i| {
            let carried = self.0.public_inputs.get(8 + i).map_or(0, PrimeField64::to_canonical_u64);
            uncarry(carried).unwrap_or(sotto_types::NO_BID)
        })
    }
}

impl LeafCircuit {
    /// Builds the circuit; seconds of work.
    ///
    /// # Errors
    /// When the capacity is none of [`CAPACITIES`], the class is too large, or its accumulators could leave the gates'
    /// range.
    pub fn build(class: &Shape, capacity: usize) -> Result<Self, CircuitError> {
        check_size(class, capacity)?;
        let leaf = match narrow(class) {
            Some(wires) if estimate(class, capacity).degree_bits > WIDE_DEGREE_BITS => {
                Self::build_in(class, capacity, wires)?
            }
            narrow => match (Self::build_in(class, capacity, ROUTED_WIRES)?, narrow) {
                // Estimates are rough.
                (wide, Some(wires)) if wide.data.common.degree_bits() > WIDE_DEGREE_BITS => {
                    Self::build_in(class, capacity, wires)?
                }
                (wide, _) => wide,
            },
        };
        let terms = SecurityTerms::of(&leaf.data.common, POSEIDON_DIGEST_BITS).conjectured();
        match terms.into_iter().find(|&(_, bits)| bits < MINIMUM_BITS) {
            Some((term, _)) => Err(CircuitError::Security { layer: Layer::Leaf, term }),
            None => Ok(leaf),
        }
    }

    /// The circuit with this many routed wires, whatever its security.
    pub(crate) fn build_in(
        class: &Shape,
        capacity: usize,
        routed_wires: usize,
    ) -> Result<Self, CircuitError> {
        let mut builder = Builder::new(narrow_leaf_config(routed_wires));
        let targets = LeafTargets::constrain(&mut builder, class, capacity)?;
        let rows = builder.num_gates();
        Ok(Self { class: class.clone(), capacity, targets, data: builder.build::<C>(), rows })
    }

    /// The class.
    pub const fn class(&self) -> &Shape {
        &self.class
    }

    /// The capacity.
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Rows before padding.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Proves the inputs' quotes.
    ///
    /// # Errors
    /// When the model is of another class, a slot beyond the capacity holds an intent, a direction is neither 0 nor 1, or
    /// the inputs have no witness.
    pub fn prove(&self, inputs: &LeafInputs<'_>) -> Result<LeafProof, CircuitError> {
        let witness = self.witness(inputs)?;
        self.data.prove(witness).map(LeafProof).map_err(|e| unprovable(&e))
    }

    /// What a prover needs of the circuit.
    pub const fn data(&self) -> &CircuitData<C> {
        &self.data
    }

    /// The witness of these inputs.
    ///
    /// # Errors
    /// As [`Self::prove`], when the inputs have none.
    pub fn witness(&self, inputs: &LeafInputs<'_>) -> Result<PartialWitness<F>, CircuitError> {
        self.check(inputs)?;
        self.assign(inputs)
    }

    /// The targets' values, whether or not they satisfy the statement.
    pub(crate) fn assign(&self, inputs: &LeafInputs<'_>) -> Result<PartialWitness<F>, CircuitError> {
        self.targets.assign(inputs).map_err(|e| unprovable(&e))
    }

    /// Verifies a proof.
    ///
    /// # Errors
    /// When it is not valid.
    pub fn verify(&self, proof: &LeafProof) -> Result<(), CircuitError> {
        self.data
            .verify(proof.0.clone())
            .map_err(|e| CircuitError::Invalid { layer: Layer::Leaf, reason: e.to_string() })
    }

    /// Refuses inputs that have no witness, with a reason.
    fn check(&self, inputs: &LeafInputs<'_>) -> Result<(), CircuitError> {
        if inputs.program.shape() != &self.class {
            let (expected, got) = (self.class.descriptor(), inputs.program.shape().descriptor());
            return Err(CircuitError::Class { expected, got });
        }
        for (slot, content) in inputs.slots.iter().enumerate().filter(|(_, content)| !content.is_empty()) {
            if slot >= self.capacity {
                return Err(CircuitError::SlotBeyondCapacity { slot, capacity: self.capacity });
            }
            let direction = content.features[SlotFeature::Direction as usize];
            if !(0..=1).contains(&direction) {
                return Err(CircuitError::Direction { slot, direction });
            }
        }
        Ok(())
    }
}

/// Refuses what would take too much memory to build, before building it.
fn check_size(class: &Shape, capacity: usize) -> Result<(), CircuitError> {
    if !CAPACITIES.contains(&capacity) {
        return Err(CircuitError::Capacity(capacity));
    }
    let rows = estimate(class, capacity).rows;
    let limit = 1 << if narrow(class).is_some() { MAX_LEAF_DEGREE_BITS } else { WIDE_DEGREE_BITS };
    if rows > limit {
        return Err(CircuitError::Size { rows, limit });
    }
    Ok(())
}

fn unprovable(error: &anyhow::Error) -> CircuitError {
    CircuitError::unprovable(Layer::Leaf, error)
}

impl LeafTargets {
    /// Builds the statement and registers its public inputs.
    fn constrain(builder: &mut Builder, class: &Shape, capacity: usize) -> Result<Self, CircuitError> {
        let parameters = Parameters::new(builder, class, capacity);
        let salt = builder.add_virtual_target_arr();
        let owner = builder.add_virtual_target_arr();
        let round_id = builder.add_virtual_targets(8);
        let features = builder.add_virtual_targets(MARKET_FEATURES);
        let slots: Vec<Vec<Target>> =
            (0..SLOTS).map(|_| builder.add_virtual_targets(SLOT_ELEMENTS)).collect();

        let commitment = parameters.commit(builder, class, salt);
        let mut strategy = vec![builder.constant(Domain::Strategy.tag(class.id()))];
        strategy.extend(owner);
        strategy.extend(commitment.elements);
        let strategy = builder.hash_n_to_hash_no_pad::<PoseidonHash>(strategy);

        let message: Vec<Target> =
            round_id.iter().chain(&features).chain(slots.iter().flatten()).copied().collect();
        let round = hash_targets(builder, Domain::Round, &message);

        for target in slots[capacity..].iter().flat_map(|slot| &slot[..COMMITMENT_LIMBS]) {
            builder.assert_zero(*target);
        }
        let inputs: Vec<&[Target]> = slots[..capacity].iter().map(|slot| &slot[COMMITMENT_LIMBS..]).collect();
        let bound = [commitment.elements, round.elements].concat();
        let accumulators = evaluate(builder, class, &parameters, &bound, &features, &inputs)?;
        let gadget = quote_gadget(class)?;
        let mut quotes = apply_policy(builder, gadget, parameters.policy, &slots[..capacity], &accumulators);
        quotes.resize(SLOTS, builder.zero());

        builder.register_public_inputs(&strategy.elements);
        builder.register_public_inputs(&round.elements);
        builder.register_public_inputs(&quotes);
        Ok(Self { salt, owner, parameters, round_id, features, slots })
    }

    fn assign(&self, inputs: &LeafInputs<'_>) -> anyhow::Result<PartialWitness<F>> {
        let mut witness = PartialWitness::new();
        witness.set_target_arr(&self.salt, &inputs.salt.elements())?;
        witness.set_target_arr(&self.owner, &owner_limbs(inputs.owner))?;
        let parameters = Parameters::of(inputs.program).like(inputs.program.shape(), &self.parameters);
        witness.set_target_arr(&self.parameters.flatten(), &parameters.flatten())?;
        let targets: Vec<Target> =
            self.round_id.iter().chain(&self.features).chain(self.slots.iter().flatten()).copied().collect();
        let elements = round_elements(inputs.round_id, inputs.features, inputs.slots);
        witness.set_target_arr(&targets, &elements)?;
        Ok(witness)
    }
}

/// The operation that makes a quote of the last accumulator.
///
/// # Errors
/// When the accumulator could leave its range.
pub(crate) fn quote_gadget(class: &Shape) -> Result<QuoteGadget, CircuitError> {
    let layer = class.output().matrix;
    let format = &class.linear_formats()[layer];
    let bound = format.accumulator_bound();
    let bits = (128 - bound.leading_zeros()).max(format.shift + 1).next_multiple_of(2);
    let limit_bits = MAX_ACCUMULATOR_BITS.min(format.shift + 31);
    if bits > limit_bits {
        return Err(CircuitError::Accumulator { layer, bound, limit_bits });
    }
    Ok(QuoteGadget { shift: format.shift, bits })
}

/// Quotes of the slots: clamped, none for an empty slot, and none past the limit in a direction.
fn apply_policy(
    builder: &mut Builder,
    gadget: QuoteGadget,
    [min, max, max_slots]: [Target; 3],
    slots: &[Vec<Target>],
    accumulators: &[Target],
) -> Vec<Target> {
    let mut quotes = Rows::new(gadget);
    let (mut lives, mut limits) = (Rows::new(Live), Rows::new(SlotLimit));
    let mut counts = [builder.zero(); 2];
    let mut out = Vec::with_capacity(SLOTS);
    for (slot, &accumulator) in slots.iter().zip(accumulators) {
        let quote = quotes.op(builder, &[accumulator, min, max]);
        let live = lives.op(builder, &slot[..COMMITMENT_LIMBS])[0];
        let direction = slot[COMMITMENT_LIMBS + SlotFeature::Direction as usize];
        let limited =
            limits.op(builder, &[live, direction, quote[0], quote[1], counts[0], counts[1], max_slots]);
        counts = [limited[0], limited[1]];
        out.push(limited[2]);
    }
    quotes.finish(builder);
    lives.finish(builder);
    limits.finish(builder);
    out
}

/// Zero, the carried `NO_BID`, is what slots beyond the capacity quote.
const _: () = assert!(carry(sotto_types::NO_BID) == 0);
const _: () = assert!(SLOT_ELEMENTS == 12 && F::ORDER == sotto_types::GOLDILOCKS_ORDER);
