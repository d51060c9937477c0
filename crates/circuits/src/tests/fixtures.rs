//! A small auction that the tests share: circuits and proofs are made once.

use std::sync::LazyLock;

use alloy_primitives::{Address, B256};
use rand::{Rng, SeedableRng, rngs::StdRng};
use sotto_model::{Dense, InputMap, IntModel, Policy, ShapeClass};
use sotto_types::{
    Claim, Digest, MarketFeatures, NO_BID, PublicData, Quote, SHEETS, SLOTS, SheetRef, Slot, SlotFeatures,
    carry,
};

use crate::{
    KeySet, LeafCircuit, LeafInputs, LeafProof, Salt, SheetCircuit, SheetInputs, SheetProof, SheetShape,
    WrapCircuit, WrapProof, model_commitment, round_digest, sheet_commitment, strategy_id,
};

/// A class with every kind of layer.
pub(super) fn small_class() -> ShapeClass {
    ShapeClass { hidden: vec![6, 5] }
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

/// A model of the class.
pub(super) fn random_model(class: &ShapeClass, policy: Policy, draw: Draw, rng: &mut StdRng) -> IntModel {
    let mut draw_signed = |bits: u32, scale: u32| {
        let limit = 1i64 << (bits - 1);
        match draw {
            Draw::Uniform => (rng.gen_range(-limit..limit)) >> scale,
            Draw::Extreme => [-limit, limit - 1][rng.gen_range(0..2)],
        }
    };
    let last = class.hidden.len();
    let layers = class
        .layers()
        .iter()
        .enumerate()
        .map(|(position, format)| {
            let scale = if position == last { 3 } else { 0 };
            Dense {
                weights: (0..format.inputs * format.outputs)
                    .map(|_| i32::try_from(draw_signed(format.weight_bits, scale)).unwrap())
                    .collect(),
                biases: (0..format.outputs).map(|_| draw_signed(format.bias_bits, 2 * scale)).collect(),
            }
        })
        .collect();
    let inputs = std::array::from_fn(|_| match draw {
        Draw::Uniform => {
            let lo = rng.gen_range(-(1 << 20)..0);
            InputMap { lo, hi: rng.gen_range(0..1 << 20), mult: rng.gen_range(0..1 << 7) }
        }
        Draw::Extreme => InputMap { lo: 0, hi: (1 << 14) - 1, mult: 1 << 14 },
    });
    IntModel::new(class.clone(), inputs, layers, policy).unwrap()
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
pub(super) fn executor(model: &IntModel, features: &MarketFeatures, slots: &[Slot; SLOTS]) -> [Quote; SLOTS] {
    let options: [Option<SlotFeatures>; SLOTS] =
        slots.map(|slot| (!slot.is_empty()).then_some(slot.features));
    model.sheet(features, &options)
}

/// One strategy in one round.
pub(super) struct Auction {
    pub(super) model: IntModel,
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
            model: &self.model,
            salt: &self.salt,
            owner: self.owner,
            round_id: self.round_id,
            features: &self.features,
            slots: &self.slots,
        }
    }

    pub(super) fn strategy(&self) -> Digest {
        strategy_id(self.owner, self.model.class().id(), model_commitment(&self.model, &self.salt))
    }

    pub(super) fn quotes(&self) -> [Quote; SLOTS] {
        executor(&self.model, &self.features, &self.slots)
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
            let model = random_model(&small_class(), policy, Draw::Uniform, rng);
            let (round_id, features, mut slots) = random_round(3, rng);
            for slot in &mut slots[..3] {
                slot.features[0] = 1;
            }
            let auction = Auction {
                model,
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
