//! Nodes and seals with proofs, and what they refuse.

use plonky2::field::types::{Field, PrimeField64};
use sotto_types::{Digest, PublicData, Standing};

use super::{
    fixtures::{
        AUCTION, DATA, KEYS, NODE_PROOF, NODES, RIVAL, RIVAL_INDEX, RIVAL_PROOF, SEALS, SHAPE, SHEET,
        SHEET_PROOF, SIGMA, WRAP, rival_at,
    },
    witness::Trace,
};
use crate::{
    CircuitError, KeyProof, KeySet, KeyedSheet, Layer, NodeCircuit, NodeProof, SealCircuit, SheetProof,
    WrapPublicInputs,
    field::{C, F, Proof, VerifierData},
};

/// The statement of the rival's sheet alone.
fn rival() -> Standing {
    let mut sheet = RIVAL.data(KEYS.root()).sheets[0];
    sheet.index = RIVAL_INDEX + 1;
    Standing::of_sheet(sheet, &RIVAL.quotes())
}

fn public_data() -> PublicData {
    let Standing { claims, sheets } = SHEET_PROOF.standing().merge(&rival(), 1).unwrap();
    PublicData { claims, sheets, ..DATA.clone() }
}

// covers: Z5
#[test]
fn two_sheets_settle_as_one_through_levels_seal_and_wrap() {
    NODES[0].verify(&NODE_PROOF).unwrap();
    assert_eq!(NODE_PROOF.level(), 1);
    assert_eq!(NODE_PROOF.standing(), SHEET_PROOF.standing().merge(&rival(), 1).unwrap());
    assert_eq!(NODE_PROOF.round_digest(), SHEET_PROOF.round_digest());
    assert_eq!(NODE_PROOF.key_set_root(), KEYS.root());
    let bytes = NODE_PROOF.to_bytes();
    assert_eq!(NODES[0].proof_from_bytes(&bytes).unwrap(), *NODE_PROOF);
    assert!(NODES[0].proof_from_bytes(&bytes[1..]).is_err());

    let above = NODES[1].prove_nodes(&NODE_PROOF, None).unwrap();
    NODES[1].verify(&above).unwrap();
    assert_eq!((above.level(), above.standing()), (2, NODE_PROOF.standing()));
    assert!(NODES[0].verify(&above).is_err() && NODES[1].verify(&NODE_PROOF).is_err());

    let sealed = SEALS[1].prove(&above).unwrap();
    let key = KEYS.key(2, sotto_types::SLOTS).unwrap();
    assert_eq!(*key, SEALS[1].key());
    sealed.verify(&SHAPE, key).unwrap();
    assert!(matches!(sealed.verify(&SHAPE, &SEALS[0].key()), Err(CircuitError::PublicInput { .. })));
    assert_eq!(sealed.standing(), NODE_PROOF.standing());

    let data = public_data();
    let wrapped = WRAP.prove(&sealed, key, &KEYS, &data, SIGMA).unwrap();
    WRAP.verify(&wrapped, &WrapPublicInputs::of(&data, SIGMA)).unwrap();
    let mut other = data;
    other.claims[0].second ^= 1;
    let refused = WRAP.prove(&sealed, key, &KEYS, &other, SIGMA);
    assert!(matches!(refused, Err(CircuitError::Unprovable { layer: Layer::Wrap, .. })));
}

/// Whether the constraints of a node of level 1 hold on these children and keys.
fn holds(children: [&SheetProof; 2], present: bool, keys: &[(VerifierData<C>, KeyProof)]) -> bool {
    let children: [&Proof<C>; 2] = children.map(SheetProof::inner);
    let witness = NODES[0].assign(children, present, keys).unwrap();
    Trace::new(NODES[0].data(), witness).is_ok_and(|trace| trace.violation().is_none())
}

fn keyed(set: &KeySet) -> (VerifierData<C>, KeyProof) {
    (SHEET.key().verifier_data(), set.proof(&SHEET.key()).unwrap())
}

fn under_root(proof: &SheetProof, root: Digest) -> SheetProof {
    let mut proof = proof.clone();
    for (element, value) in proof.0.public_inputs[5..9].iter_mut().zip(root.elements()) {
        *element = F::from_canonical_u64(value);
    }
    proof
}

// covers: Z5 Z6 Z13
#[test]
fn a_node_takes_allowed_sheets_of_one_round_in_order_and_nothing_else() {
    let (ours, theirs) = (&*SHEET_PROOF, &*RIVAL_PROOF);
    let key = || keyed(&KEYS);
    assert!(holds([ours, theirs], true, &[key(), key()]));
    assert!(holds([ours, ours], false, &[key(), key()]), "a left side alone");
    assert!(!holds([ours, ours], true, &[key(), key()]), "the same commitment twice");
    assert!(!holds([theirs, ours], true, &[key(), key()]), "decreasing indices");

    // Other subjects: each forged by its public inputs, which the proof does not verify with; and a true proof of another
    // key set.
    for at in 1..9 {
        let mut forged = theirs.clone();
        forged.0.public_inputs[at] += F::ONE;
        assert!(!holds([ours, &forged], true, &[key(), key()]), "public input {at}");
    }
    let fewer = KeySet::new(vec![SHEET.key()]).unwrap();
    let foreign = rival_at(RIVAL_INDEX, fewer.root());
    assert!(holds([&foreign, &foreign], false, &[keyed(&fewer), keyed(&fewer)]));
    assert!(!holds([ours, &foreign], true, &[key(), keyed(&fewer)]), "another key set");
    assert!(!holds([ours, &foreign], true, &[key(), key()]), "another key set, the first one's path");

    // A key outside the set, at any place of it.
    let (mut cap, mut digest, mut class) = (SHEET.key(), SHEET.key(), SHEET.key());
    cap.cap[3][2] ^= 1;
    digest.digest[0] ^= 1;
    class.class_id ^= 1;
    for forged in [cap, digest] {
        let forged = (forged.verifier_data(), key().1);
        assert!(!holds([ours, theirs], true, &[key(), forged.clone()]), "a forged key on the right");
        assert!(!holds([ours, theirs], true, &[forged, key()]), "a forged key on the left");
    }
    let mut path = key().1;
    path.index ^= 1;
    assert!(!holds([ours, theirs], true, &[key(), (SHEET.key().verifier_data(), path)]));
    let mut forged = theirs.clone();
    forged.0.public_inputs[0] = F::from_canonical_u32(class.class_id);
    assert!(!holds([ours, &forged], true, &[key(), key()]), "another class than the key's");
}

// covers: Z5 Z6
#[test]
fn a_proof_of_a_circuit_outside_the_set_is_refused_even_with_a_set_of_its_own() {
    // The root that the proof speaks of names the foreign key: the node holds, but shows that root, which no round pins.
    let alone = KeySet::new(vec![SHEET.key()]).unwrap();
    let others = KeySet::new(KEYS.keys()[..KEYS.keys().len() - 1].to_vec()).unwrap();
    assert_eq!(
        NODES[0]
            .witness_of_sheets(KeyedSheet { proof: &SHEET_PROOF, key: &SHEET.key() }, None, &others)
            .err(),
        Some(CircuitError::KeyNotInSet { class_id: SHEET.key().class_id })
    );
    let foreign = under_root(&SHEET_PROOF, alone.root());
    assert!(!holds([&foreign, &foreign], false, &[keyed(&alone), keyed(&alone)]));
    // A digest that is allowed with the cap of another circuit.
    let mut mixed = SHEET.key();
    mixed.cap = SEALS[0].key().cap;
    let path = KEYS.proof(&SHEET.key()).unwrap();
    let key = (mixed.verifier_data(), path);
    assert!(!holds([&SHEET_PROOF, &SHEET_PROOF], false, &[key.clone(), key]));
}

/// A seal of one sheet has the sheets' shape and an allowed key: a node takes it for what it shows. One of two sheets it does
/// not, for it would lose the second from the list.
#[test]
fn a_node_takes_no_seal_of_several_sheets() {
    let sealed = SEALS[0].prove(&NODE_PROOF).unwrap();
    let key = (SEALS[0].key().verifier_data(), KEYS.proof(&SEALS[0].key()).unwrap());
    assert!(!holds([&sealed, &sealed], false, &[key.clone(), key]));
}

// covers: Z5 Z6
#[test]
fn a_higher_node_and_a_seal_take_nodes_of_the_level_below_alone() {
    let accepts = |node: &NodeCircuit, left: &NodeProof, right: Option<&NodeProof>| {
        node.witness_of_nodes(left, right)
            .is_ok_and(|w| Trace::new(node.data(), w).is_ok_and(|trace| trace.violation().is_none()))
    };
    assert!(accepts(&NODES[1], &NODE_PROOF, None));
    assert!(!accepts(&NODES[1], &NODE_PROOF, Some(&NODE_PROOF)), "the same commitments twice");
    let sheet = NodeProof::new(SHEET_PROOF.inner().clone());
    assert!(!accepts(&NODES[1], &sheet, None), "a sheet");
    for at in [0, 1, 5, 9, 41, 73, 105, 106, 114] {
        let mut forged = NODE_PROOF.clone();
        forged.0.public_inputs[at] += F::ONE;
        assert!(!accepts(&NODES[1], &forged, None), "public input {at}");
        assert!(NODES[0].verify(&forged).is_err());
        let sealed = SEALS[0].witness(&forged);
        let sealed =
            sealed.is_ok_and(|w| Trace::new(SEALS[0].data(), w).is_ok_and(|t| t.violation().is_none()));
        assert!(!sealed, "sealed with public input {at}");
    }
    assert!(matches!(NODES[0].witness_of_nodes(&NODE_PROOF, None), Err(CircuitError::Level { level: 1 })));
    let key = &SHEET.key();
    let sheet = KeyedSheet { proof: &SHEET_PROOF, key };
    assert!(matches!(NODES[1].witness_of_sheets(sheet, None, &KEYS), Err(CircuitError::Level { level: 2 })));
}

#[test]
fn nodes_and_seals_have_the_stated_rows() {
    assert_eq!(
        NODES.each_ref().map(|node| (node.rows(), node.data().common.degree_bits())),
        [(9870, 14), (8492, 14)]
    );
    assert_eq!(SEALS.each_ref().map(SealCircuit::rows), [4207, 4206]);
    assert_eq!(AUCTION.round_id, RIVAL.round_id);
    assert_eq!(SEALS[0].key().class_id, 1);
    assert!(
        SEALS[0].data().common.num_public_inputs as u64
            == F::from_canonical_usize(crate::SHEET_PUBLIC_INPUTS).to_canonical_u64()
    );
}
