//! The leaf: one strategy's model and policy on the slots of a round.

use alloy_primitives::{Address, B256};
use plonky2::{
    field::types::{Field64, PrimeField64},
    hash::poseidon::PoseidonHash,
    iop::witness::{PartialWitness, WitnessWrite},
};
use sotto_model::{IntModel, MAX_LAYERS, MAX_WIDTH, ShapeClass};
use sotto_types::{Digest, MARKET_FEATURES, MarketFeatures, Quote, SLOTS, Slot, SlotFeature, carry, uncarry};

use crate::{
    CircuitError, Layer, Salt,
    commitments::{owner_limbs, round_elements},
    field::{Builder, C, CircuitData, F, Proof, Target, leaf_config},
    gadgets::{
        clamp::Clamp,
        gate::Rows,
        matmul::MatMul,
        quote::QuoteGadget,
        requant::Requant,
        slot::{COMMITMENT_LIMBS, Live, SlotLimit},
    },
    model::{ModelTargets, accumulator_bits, multiply},
    poseidon::{Domain, hash_targets},
};

/// Capacities of leaves: how many slots at the front may hold intents.
pub const CAPACITIES: [usize; 4] = [1, 4, 16, 32];
/// Public inputs of a leaf: strategy (4), round digest (4), quotes (32).
pub const LEAF_PUBLIC_INPUTS: usize = 8 + SLOTS;

/// Products of weights and values that a leaf may have: about 2^15 rows, past which no sheet takes it.
const MAX_PRODUCTS: usize = 1 << 21;

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
    /// The private model.
    pub model: &'a IntModel,
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
    model: ModelTargets,
    round_id: Vec<Target>,
    features: Vec<Target>,
    /// Commitment limbs, then features, of each slot.
    slots: Vec<Vec<Target>>,
}

/// The leaf circuit of a class and capacity.
#[derive(Debug)]
pub struct LeafCircuit {
    class: ShapeClass,
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
    pub fn build(class: &ShapeClass, capacity: usize) -> Result<Self, CircuitError> {
        check_size(class, capacity)?;
        let mut builder = Builder::new(leaf_config());
        let targets = LeafTargets::constrain(&mut builder, class, capacity)?;
        let rows = builder.num_gates();
        Ok(Self { class: class.clone(), capacity, targets, data: builder.build::<C>(), rows })
    }

    /// The class.
    pub const fn class(&self) -> &ShapeClass {
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
        if inputs.model.class() != &self.class {
            let (expected, got) = (self.class.descriptor(), inputs.model.class().descriptor());
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
fn check_size(class: &ShapeClass, capacity: usize) -> Result<(), CircuitError> {
    if !CAPACITIES.contains(&capacity) {
        return Err(CircuitError::Capacity(capacity));
    }
    let too_many = class.hidden.get(MAX_LAYERS - 1).map(|&width| (MAX_LAYERS - 1, width));
    let odd = class.hidden.iter().copied().enumerate().find(|(_, width)| !(1..=MAX_WIDTH).contains(width));
    if let Some((layer, width)) = too_many.or(odd) {
        return Err(CircuitError::Width { layer, width });
    }
    let products = class.layers().iter().map(|f| f.inputs * f.outputs * capacity).sum();
    if products > MAX_PRODUCTS {
        return Err(CircuitError::Size { products, limit: MAX_PRODUCTS });
    }
    Ok(())
}

fn unprovable(error: &anyhow::Error) -> CircuitError {
    CircuitError::unprovable(Layer::Leaf, error)
}

impl LeafTargets {
    /// Builds the statement and registers its public inputs.
    fn constrain(builder: &mut Builder, class: &ShapeClass, capacity: usize) -> Result<Self, CircuitError> {
        let model = ModelTargets::new(builder, class);
        let salt = builder.add_virtual_target_arr();
        let owner = builder.add_virtual_target_arr();
        let round_id = builder.add_virtual_targets(8);
        let features = builder.add_virtual_targets(MARKET_FEATURES);
        let slots: Vec<Vec<Target>> =
            (0..SLOTS).map(|_| builder.add_virtual_targets(SLOT_ELEMENTS)).collect();

        let commitment = model.commit(builder, salt);
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
        let accumulators = evaluate(builder, &model, &features, &slots[..capacity])?;
        let mut quotes = apply_policy(builder, &model, &slots[..capacity], &accumulators)?;
        quotes.resize(SLOTS, builder.zero());

        builder.register_public_inputs(&strategy.elements);
        builder.register_public_inputs(&round.elements);
        builder.register_public_inputs(&quotes);
        Ok(Self { salt, owner, model, round_id, features, slots })
    }

    fn assign(&self, inputs: &LeafInputs<'_>) -> anyhow::Result<PartialWitness<F>> {
        let mut witness = PartialWitness::new();
        witness.set_target_arr(&self.salt, &inputs.salt.elements())?;
        witness.set_target_arr(&self.owner, &owner_limbs(inputs.owner))?;
        self.model.assign(&mut witness, inputs.model)?;
        let targets: Vec<Target> =
            self.round_id.iter().chain(&self.features).chain(self.slots.iter().flatten()).copied().collect();
        let elements = round_elements(inputs.round_id, inputs.features, inputs.slots);
        witness.set_target_arr(&targets, &elements)?;
        Ok(witness)
    }
}

/// The layers on all slots: the last accumulator of each slot.
///
/// The market's share of the first layer is the same for every slot and is computed once.
fn evaluate(
    builder: &mut Builder,
    model: &ModelTargets,
    features: &[Target],
    slots: &[Vec<Target>],
) -> Result<Vec<Target>, CircuitError> {
    let mut clamps = Rows::new(Clamp);
    let (market_maps, slot_maps) = model.inputs.split_at(MARKET_FEATURES);
    let market: Vec<Vec<Target>> = features
        .iter()
        .zip(market_maps)
        .map(|(&x, &[lo, hi, mult])| clamps.op(builder, &[x, lo, hi, mult]))
        .collect();
    let mut values: Vec<Vec<Target>> = Vec::with_capacity(slot_maps.len());
    for (feature, &[lo, hi, mult]) in slot_maps.iter().enumerate() {
        let mut row = Vec::with_capacity(slots.len());
        for slot in slots {
            row.extend(clamps.op(builder, &[slot[COMMITMENT_LIMBS + feature], lo, hi, mult]));
        }
        values.push(row);
    }
    clamps.finish(builder);

    let mut single = Rows::new(MatMul::SINGLE);
    let mut block = Rows::new(if slots.len() == 1 { MatMul::SINGLE } else { MatMul::QUAD });
    let last = model.layers.len() - 1;
    let mut outputs = Vec::new();
    for (position, layer) in model.layers.iter().enumerate() {
        let bits = accumulator_bits(position, &layer.format)?;
        let biases: Vec<Vec<Target>> = layer.biases.iter().map(|&b| vec![b]).collect();
        let weight =
            |offset: usize| move |r: usize, k: usize| layer.weights[r * layer.format.inputs + offset + k];
        let (shared, offset) = if position == 0 {
            (multiply(builder, &mut single, weight(0), &market, biases), MARKET_FEATURES)
        } else {
            (biases, 0)
        };
        let accumulators = shared.iter().map(|cell| vec![cell[0]; slots.len()]).collect();
        outputs = multiply(builder, &mut block, weight(offset), &values, accumulators);
        if position < last {
            let mut requants = Rows::new(Requant { shift: layer.format.shift, bits });
            let activate = |row: &Vec<Target>| {
                row.iter().flat_map(|&acc| requants.op(builder, &[acc])).collect::<Vec<_>>()
            };
            values = outputs.iter().map(activate).collect();
            requants.finish(builder);
        }
    }
    Ok(outputs.into_iter().next().unwrap_or_default())
}

/// Quotes of the slots: clamped, none for an empty slot, and none past the limit in a direction.
fn apply_policy(
    builder: &mut Builder,
    model: &ModelTargets,
    slots: &[Vec<Target>],
    accumulators: &[Target],
) -> Result<Vec<Target>, CircuitError> {
    let position = model.layers.len() - 1;
    let format = &model.layers[position].format;
    let bits = accumulator_bits(position, format)?;
    let [min, max, max_slots] = model.policy;
    let mut quotes = Rows::new(QuoteGadget { shift: format.shift, bits });
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
    Ok(out)
}

/// Zero, the carried `NO_BID`, is what slots beyond the capacity quote.
const _: () = assert!(carry(sotto_types::NO_BID) == 0);
const _: () = assert!(SLOT_ELEMENTS == 12 && F::ORDER == sotto_types::GOLDILOCKS_ORDER);
