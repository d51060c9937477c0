//! Sheet and wrap end to end, and what they refuse.

use alloy_primitives::{Address, B256};
use plonky2::field::types::{Field, PrimeField64};
use rand::{SeedableRng, rngs::StdRng};
use sotto_model::Policy;
use sotto_types::{Digest, NO_BID, PublicData};

use super::fixtures::{
    AUCTION, Auction, COMMIT_INDEX, DATA, Draw, KEYS, LEAF_PROOF, SHAPE, SHEET, SHEET_PROOF, SIGMA, WRAP,
    WRAP_PROOF, every_operation, executor, random_program, random_round, trees,
};
use crate::{
    CircuitError, KeySet, Layer, LeafCircuit, LeafInputs, SheetCircuit, SheetInputs, SheetProof,
    WrapPublicInputs, field::F, sheet::SHEET_PUBLIC_INPUTS,
};

#[test]
fn a_sheet_shows_its_claims_and_commitment() {
    SHEET.verify(&SHEET_PROOF).unwrap();
    let data = &*DATA;
    assert_eq!(SHEET_PROOF.class_id(), AUCTION.program.shape().id());
    assert_eq!(SHEET_PROOF.round_digest(), LEAF_PROOF.round_digest());
    assert_eq!(SHEET_PROOF.key_set_root(), KEYS.root());
    assert_eq!(SHEET_PROOF.claims(), data.claims);
    assert_eq!(SHEET_PROOF.sheets(), data.sheets);
    assert_eq!(SHEET_PROOF.0.public_inputs.len(), SHEET_PUBLIC_INPUTS);
}

#[test]
fn a_wrap_verifies_for_its_data_and_challenge_alone() {
    let expected = WrapPublicInputs::of(&DATA, SIGMA);
    WRAP.verify(&WRAP_PROOF, &expected).unwrap();
    let bytes = WRAP_PROOF.to_bytes();
    assert_eq!(WRAP.proof_from_bytes(&bytes).unwrap(), *WRAP_PROOF);

    let other = WrapPublicInputs::of(&DATA, [SIGMA[0] + 1, SIGMA[1]]);
    assert!(matches!(WRAP.verify(&WRAP_PROOF, &other), Err(CircuitError::PublicInput { .. })));
    let mut forged = WRAP_PROOF.inner().clone();
    forged.public_inputs[6] += F::ONE;
    let bytes = crate::decode::encode_proof(&forged);
    let forged = WRAP.proof_from_bytes(&bytes).unwrap();
    let mut expected = expected;
    expected.gamma[0] = forged.inner().public_inputs[6].to_canonical_u64();
    assert!(matches!(WRAP.verify(&forged, &expected), Err(CircuitError::Invalid { layer: Layer::Wrap, .. })));
}

/// Wraps the honest sheet for other data.
fn refused(what: &str, change: impl FnOnce(&mut PublicData)) {
    let mut data = DATA.clone();
    change(&mut data);
    assert_ne!(data, *DATA, "{what}");
    let result = WRAP.prove(&SHEET_PROOF, &SHEET.key(), &KEYS, &data, SIGMA);
    assert!(matches!(result, Err(CircuitError::Unprovable { layer: Layer::Wrap, .. })), "{what}");
}

// covers: Z13 M13
#[test]
fn a_wrap_is_refused_for_any_other_round_claim_or_sheet() {
    let bid = AUCTION.quotes().iter().position(|&q| q != NO_BID).unwrap();
    let (limited, empty) = (2, 3);
    assert!(!AUCTION.slots[limited].is_empty() && AUCTION.slots[empty].is_empty());
    refused("another round", |d| d.round_id = B256::repeat_byte(9));
    refused("other features", |d| d.features[31] ^= 1);
    refused("another slot feature", |d| d.slots[0].features[1] ^= 1);
    refused("another intent", |d| d.slots[1].commitment.0[31] ^= 1);
    refused("a filled empty slot", |d| d.slots[31].commitment = B256::repeat_byte(1));
    refused("another key set", |d| d.key_set_root = Digest::new([1, 2, 3, 4]).unwrap());
    refused("a better quote", |d| d.claims[bid].best += 1);
    refused("a worse quote", |d| d.claims[bid].best -= 1);
    refused("a no-bid that the model did not make", |d| d.claims[bid] = Default::default());
    refused("another winner", |d| d.claims[bid].winner = COMMIT_INDEX);
    refused("a second best", |d| d.claims[bid].second = 1);
    refused("a bid past the limit", |d| d.claims[limited] = d.claims[bid]);
    refused("a bid on an empty slot", |d| d.claims[empty] = d.claims[bid]);
    refused("another commit index", |d| d.sheets[0].index += 1);
    refused("another strategy", |d| d.sheets[0].strategy = Digest::new([5; 4]).unwrap());
    refused("another commitment", |d| d.sheets[0].commitment = Digest::default());
    refused("a sheet more", |d| d.sheets[1] = d.sheets[0]);
}

// covers: Z5
#[test]
fn leaves_of_every_kind_reach_the_same_sheets_reduced_where_they_must_be() {
    let mut reduced = 0;
    for shape in [every_operation(), trees(40, 6, 6, 16)] {
        let leaf = LeafCircuit::build(&shape, 1).unwrap();
        let sheet = SheetCircuit::build(&leaf).unwrap();
        assert_eq!(sheet.check_shape(&SHAPE), Ok(()));
        reduced += sheet.reductions().len();
        let first = if sheet.reductions().is_empty() { Layer::Sheet } else { Layer::Reduction };
        let rng = &mut StdRng::seed_from_u64(11);
        let policy = Policy { min_quote: -900_000, max_quote: 900_000, max_slots: 2 };
        let program = random_program(&shape, policy, Draw::Uniform, rng);
        let (_, _, slots) = random_round(1, rng);
        let inputs = LeafInputs { program: &program, slots: &slots, ..AUCTION.inputs() };
        let proof = leaf.prove(&inputs).unwrap();
        let quotes = executor(&program, &AUCTION.features, &slots);
        assert_eq!(proof.quotes(), quotes);
        let extra =
            SheetInputs { sheet_salt: &AUCTION.sheet_salt, commit_index: 0, key_set_root: KEYS.root() };
        let shown = sheet.prove(&proof, &extra).unwrap();
        sheet.verify(&shown).unwrap();
        assert_eq!(shown.claims().map(|claim| claim.best), quotes.map(sotto_types::carry));
        let mut forged = proof.clone();
        forged.0.public_inputs[8] += F::ONE;
        let result = sheet.prove(&forged, &extra);
        assert!(matches!(result, Err(CircuitError::Unprovable { layer, .. }) if layer == first));
    }
    assert!(reduced > 0, "no class needed a reduction");
}

// covers: Z14
#[test]
fn the_owner_is_part_of_the_strategy() {
    let other = Auction {
        program: AUCTION.program.clone(),
        salt: AUCTION.salt.clone(),
        owner: Address::repeat_byte(7),
        sheet_salt: AUCTION.sheet_salt.clone(),
        ..*AUCTION
    };
    let data = other.data(KEYS.root());
    assert_ne!(data.sheets[0].strategy, DATA.sheets[0].strategy);
    assert!(WRAP.prove(&SHEET_PROOF, &SHEET.key(), &KEYS, &data, SIGMA).is_err());
}

// covers: Z5 Z6
#[test]
fn a_key_outside_the_set_is_refused() {
    let others = KeySet::new(KEYS.keys()[..KEYS.keys().len() - 1].to_vec()).unwrap();
    let class_id = SHEET.key().class_id;
    let result = WRAP.prove(&SHEET_PROOF, &SHEET.key(), &others, &DATA, SIGMA);
    assert_eq!(result, Err(CircuitError::KeyNotInSet { class_id }));
    // With a path that is no path, inside the circuit.
    let data = AUCTION.data(others.root());
    for path in [KEYS.proof(&SHEET.key()).unwrap(), {
        let mut path = KEYS.proof(&SHEET.key()).unwrap();
        path.index ^= 1;
        path
    }] {
        let result = WRAP.prove_at(&SHEET_PROOF, SHEET.verifier_data(), &path, &data, SIGMA);
        assert!(matches!(result, Err(CircuitError::Unprovable { .. })));
    }
}

// covers: Z6
#[test]
fn an_allowed_digest_with_another_cap_is_refused() {
    let mut key = SHEET.key();
    key.cap[3][2] ^= 1;
    let result = WRAP.prove(&SHEET_PROOF, &key, &KEYS, &DATA, SIGMA);
    assert_eq!(result, Err(CircuitError::KeyNotInSet { class_id: key.class_id }));
    let path = KEYS.proof(&SHEET.key()).unwrap();
    let result = WRAP.prove_at(&SHEET_PROOF, &key.verifier_data(), &path, &DATA, SIGMA);
    assert!(matches!(result, Err(CircuitError::Unprovable { .. })));
    // A set that holds the forged key: then the proof does not verify under it.
    let mut keys = KEYS.keys().to_vec();
    for entry in keys.iter_mut().filter(|entry| **entry == SHEET.key()) {
        *entry = key.clone();
    }
    let keys = KeySet::new(keys).unwrap();
    assert!(keys.proof(&key).is_ok());
    let mut sheet = SHEET_PROOF.clone();
    for (element, value) in sheet.0.public_inputs[5..9].iter_mut().zip(keys.root().elements()) {
        *element = F::from_canonical_u64(value);
    }
    let result = WRAP.prove(&sheet, &key, &keys, &AUCTION.data(keys.root()), SIGMA);
    assert!(matches!(result, Err(CircuitError::Unprovable { .. })));
}

#[test]
fn a_sheet_verifies_under_its_own_key_alone() {
    assert_eq!(SHEET_PROOF.verify(&SHAPE, &SHEET.key()), Ok(()));
    let mut key = SHEET.key();
    key.digest[0] ^= 1;
    assert!(matches!(SHEET_PROOF.verify(&SHAPE, &key), Err(CircuitError::Invalid { .. })));
    let mut key = SHEET.key();
    key.class_id ^= 1;
    assert!(matches!(SHEET_PROOF.verify(&SHAPE, &key), Err(CircuitError::PublicInput { .. })));
    for key in KeySet::committed().unwrap().keys() {
        assert!(SHEET_PROOF.verify(&SHAPE, key).is_err());
    }
    for index in [0, 1, 5, 9, 41, 73, 105, 106, 110, 114, 248] {
        let mut forged = SHEET_PROOF.clone();
        forged.0.public_inputs[index] += F::ONE;
        assert!(forged.verify(&SHAPE, &SHEET.key()).is_err(), "{index}");
    }
}

#[test]
fn a_sheet_needs_a_valid_leaf_and_an_index_that_can_be_carried() {
    let inputs =
        SheetInputs { sheet_salt: &AUCTION.sheet_salt, commit_index: u32::MAX, key_set_root: KEYS.root() };
    assert_eq!(SHEET.prove(&LEAF_PROOF, &inputs), Err(CircuitError::CommitIndex(u32::MAX)));
    let inputs = SheetInputs { commit_index: 0, ..inputs };
    let mut forged = LEAF_PROOF.clone();
    forged.0.public_inputs[8] += F::ONE;
    assert!(matches!(SHEET.prove(&forged, &inputs), Err(CircuitError::Unprovable { .. })));
}

// covers: Z1 Z2 Z3 Z4 Z10
#[test]
fn bytes_that_are_no_canonical_sheet_are_refused_without_a_panic() {
    let bytes = SHEET_PROOF.to_bytes();
    assert_eq!(SheetProof::from_bytes(&bytes, &SHAPE).unwrap(), *SHEET_PROOF);
    for length in [0, 1, 7, 8, 1999, 2000, 2001, bytes.len() / 2, bytes.len() - 8, bytes.len() - 1] {
        assert!(SheetProof::from_bytes(&bytes[..length], &SHAPE).is_err(), "{length}");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(matches!(SheetProof::from_bytes(&longer, &SHAPE), Err(CircuitError::Decode { .. })));
    let mut count = bytes.clone();
    let at = bytes.len() - 8 * (SHEET_PUBLIC_INPUTS + 1);
    count[at..at + 8].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(SheetProof::from_bytes(&count, &SHAPE).is_err());
    // x + p in place of x: the last public inputs are zero.
    let mut alias = bytes.clone();
    let end = bytes.len() - 8;
    alias[end..].copy_from_slice(&sotto_types::GOLDILOCKS_ORDER.to_le_bytes());
    assert!(matches!(SheetProof::from_bytes(&alias, &SHAPE), Err(CircuitError::Decode { .. })));
    assert!(SheetProof::from_bytes(&vec![0xff; bytes.len()], &SHAPE).is_err());
    let mut climbing = SHEET_PROOF.clone();
    let path = &mut climbing.0.proof.opening_proof.query_round_proofs[1].steps[0].merkle_proof.siblings;
    path.push(path[0]);
    assert!(matches!(
        SheetProof::from_bytes(&climbing.to_bytes(), &SHAPE),
        Err(CircuitError::Decode { what: "Merkle path", .. })
    ));
}

// covers: Z3
#[test]
fn a_sheet_with_a_flipped_byte_is_refused() {
    let bytes = SHEET_PROOF.to_bytes();
    let key = SHEET.key();
    for step in 0..40 {
        let at = step * (bytes.len() - 1) / 39;
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (step % 8);
        let accepted = SheetProof::from_bytes(&flipped, &SHAPE).and_then(|proof| proof.verify(&SHAPE, &key));
        assert!(accepted.is_err(), "byte {at}");
    }
}

// covers: Z1 Z2 Z3
#[test]
fn a_wrap_with_a_flipped_byte_is_refused() {
    let bytes = WRAP_PROOF.to_bytes();
    let expected = WrapPublicInputs::of(&DATA, SIGMA);
    for step in 0..40 {
        let at = step * (bytes.len() - 1) / 39;
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (step % 8);
        let accepted = WRAP.proof_from_bytes(&flipped).and_then(|proof| WRAP.verify(&proof, &expected));
        assert!(accepted.is_err(), "byte {at}");
    }
    assert!(WRAP.proof_from_bytes(&bytes[1..]).is_err());
    assert!(WRAP.proof_from_bytes(&SHEET_PROOF.to_bytes()).is_err());
}
