//! The layers end to end on a small class.

use std::sync::LazyLock;
use std::time::Instant;

use alloy_primitives::{Address, B256};
use rand::{Rng, SeedableRng, rngs::StdRng};
use sotto_circuits::{
    KeySet, LeafCircuit, LeafInputs, Salt, SheetCircuit, SheetInputs, WrapCircuit, WrapPublicInputs,
    model_commitment, round_digest, sheet_commitment, strategy_id,
};
use sotto_model::{Dense, InputMap, IntModel, Policy, ShapeClass};
use sotto_types::{
    Claim, MODEL_FEATURES, NO_BID, PublicData, SHEETS, SLOTS, SheetRef, Slot, SlotFeatures, carry,
};

fn random_model(class: &ShapeClass, rng: &mut StdRng) -> IntModel {
    let layers = class
        .layers()
        .iter()
        .map(|format| {
            let (wl, bl) = (1i32 << (format.weight_bits - 1), 1i64 << (format.bias_bits - 1));
            Dense {
                weights: (0..format.inputs * format.outputs).map(|_| rng.gen_range(-wl..wl)).collect(),
                biases: (0..format.outputs).map(|_| rng.gen_range(-bl..bl)).collect(),
            }
        })
        .collect();
    let inputs = std::array::from_fn(|_| {
        let lo: i32 = rng.gen_range(i32::MIN..i32::MAX - (1 << 20));
        InputMap { lo, hi: lo + rng.gen_range(0..1 << 20), mult: rng.gen_range(0..1 << 8) }
    });
    IntModel::new(class.clone(), inputs, layers, Policy { min_quote: -3000, max_quote: 5000, max_slots: 2 }).unwrap()
}

static LEAF: LazyLock<LeafCircuit> =
    LazyLock::new(|| LeafCircuit::build(&ShapeClass { hidden: vec![16, 32, 16] }, 4).unwrap());

#[test]
fn chain() {
    let t = Instant::now();
    let mut rng = StdRng::seed_from_u64(1);
    let leaf = &*LEAF;
    println!("leaf built {:?} rows {}", t.elapsed(), leaf.rows());
    let t = Instant::now();
    let sheet = SheetCircuit::build(leaf).unwrap();
    println!("sheet built {:?} rows {}", t.elapsed(), sheet.rows());
    let t = Instant::now();
    let wrap = WrapCircuit::build(&sheet.shape()).unwrap();
    println!("wrap built {:?} rows {} degree {}", t.elapsed(), wrap.rows(), wrap.common().degree_bits());

    let class = leaf.class();
    let model = random_model(class, &mut rng);
    let salt = Salt::from_bytes(rng.r#gen());
    let owner = Address::from(rng.r#gen::<[u8; 20]>());
    let round_id = B256::from(rng.r#gen::<[u8; 32]>());
    let features = std::array::from_fn(|_| rng.r#gen());
    let mut slots = [Slot::default(); SLOTS];
    for slot in &mut slots[..3] {
        slot.commitment = B256::from(rng.r#gen::<[u8; 32]>());
        slot.features = [rng.gen_range(0..2), rng.r#gen(), rng.r#gen(), rng.r#gen()];
    }
    let t = Instant::now();
    let leaf_proof = leaf
        .prove(&LeafInputs { model: &model, salt: &salt, owner, round_id, features: &features, slots: &slots })
        .unwrap();
    println!("leaf proved {:?}", t.elapsed());
    leaf.verify(&leaf_proof).unwrap();
    let options: [Option<SlotFeatures>; SLOTS] = slots.map(|s| (!s.is_empty()).then_some(s.features));
    let quotes = model.sheet(&features, &options);
    assert_eq!(leaf_proof.quotes(), quotes);
    let strategy = strategy_id(owner, class.id(), model_commitment(&model, &salt));
    assert_eq!(leaf_proof.strategy(), strategy);
    let round = round_digest(round_id, &features, &slots);
    assert_eq!(leaf_proof.round_digest(), round);

    let keys = KeySet::new(vec![sheet.key()]).unwrap();
    let sheet_salt = Salt::from_bytes(rng.r#gen());
    let t = Instant::now();
    let sheet_proof = sheet
        .prove(&leaf_proof, &SheetInputs { sheet_salt: &sheet_salt, commit_index: 6, key_set_root: keys.root() })
        .unwrap();
    println!("sheet proved {:?} {} bytes", t.elapsed(), sheet_proof.to_bytes().len());
    let t = Instant::now();
    sheet.verify(&sheet_proof).unwrap();
    println!("sheet verified {:?}", t.elapsed());

    let mut sheets = [SheetRef::default(); SHEETS];
    sheets[0] =
        SheetRef { index: 7, strategy, commitment: sheet_commitment(strategy, round, &quotes, &sheet_salt) };
    let claims = quotes.map(|q| Claim {
        best: carry(q),
        second: 0,
        winner: if q == NO_BID { 0 } else { 7 },
    });
    let data = PublicData { round_id, key_set_root: keys.root(), features, slots, claims, sheets };
    let sigma = [rng.r#gen::<u64>() >> 1, rng.r#gen::<u64>() >> 1];
    let t = Instant::now();
    let proof = wrap.prove(&sheet_proof, &sheet.key(), &keys, &data, sigma).unwrap();
    println!("wrap proved {:?} {} bytes", t.elapsed(), proof.to_bytes().len());
    wrap.verify(&proof, &WrapPublicInputs::of(&data, sigma)).unwrap();
    assert_eq!(MODEL_FEATURES, 36);
}
