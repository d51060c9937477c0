//! Every term of every layer.

use plonky2::plonk::circuit_data::CircuitConfig;
use sotto_model::program::Shape;

use super::{
    fixtures::{LEAF, NODES, SEALS, SHEET, WRAP, every_operation, trees},
    freivalds::repeated,
};
use crate::{
    CircuitError, CircuitInfo, LeafCircuit, MAX_LEAF_DEGREE_BITS,
    estimate::{WIDE_DEGREE_BITS, narrow},
    field::{Builder, C, Common, CompactQueries, ROUTED_WIRES, compact_config, leaf_config, shrink_config},
    security::{MINIMUM_BITS, SecurityTerms},
    wrap::WrapTargets,
};

// covers: Z7 Z25 M15
#[test]
fn every_term_of_every_layer_has_a_hundred_bits() {
    let tournament = [NODES[0].info(), NODES[1].info(), SEALS[0].info(), SEALS[1].info()];
    for info in [LEAF.info(), SHEET.info(), WRAP.info()].into_iter().chain(tournament) {
        for (term, bits) in info.security.conjectured() {
            assert!(bits >= MINIMUM_BITS, "{} {term}: {bits}", info.layer);
        }
        assert!(info.security.proven_johnson > 50.0);
    }
    assert!(SHEET.data.common.config.zero_knowledge && SHEET.data.common.fri_params.hiding);
    assert!(SEALS[0].data.common.config.zero_knowledge && SEALS[0].data.common.fri_params.hiding);
}

/// The shape of a circuit that verifies proofs of another shape. The key is free, for a constant one costs building the
/// inner circuit; its rows would be a few more, within the same degree.
fn around(inner: &Common, config: CircuitConfig) -> Common {
    let mut builder = Builder::new(config);
    let proof = builder.add_virtual_proof_with_pis(inner);
    let key = builder.add_virtual_verifier_data(inner.config.fri_config.cap_height);
    builder.verify_proof::<C>(&proof, &key, inner);
    builder.register_public_inputs(&proof.public_inputs);
    builder.build_with_options::<C>(false).common
}

// covers: Z7 Z25
#[test]
fn every_term_of_the_compact_profile_has_a_hundred_bits() {
    let mut builder = Builder::new(shrink_config());
    WrapTargets::constrain(&mut builder, &SHEET.shape());
    let shrink = builder.build_with_options::<C>(false).common;
    assert_eq!(shrink.degree_bits(), 13);
    let mut layers =
        vec![("shrink", 256, shrink.clone()), ("reduction", 256, around(&shrink, leaf_config()))];
    for queries in [CompactQueries::Ten, CompactQueries::Sixteen] {
        let wrap = around(&shrink, compact_config(queries));
        assert_eq!(wrap.degree_bits(), 12, "the wrap has room for a proof of the shrink");
        layers.push(("compact", 200, wrap));
    }
    for (layer, digest_bits, common) in layers {
        let security = SecurityTerms::of(&common, digest_bits);
        for (term, bits) in security.conjectured() {
            assert!(bits >= MINIMUM_BITS, "{layer} {term}: {bits}");
        }
        assert!(security.proven_johnson > 50.0, "{layer}");
    }
}

/// Of each kind of class, with the routed wires that a leaf of the degree has. What else enters are the kinds of gates.
///
/// covers: Z7 Z25
#[test]
fn every_degree_of_a_leaf_has_a_hundred_bits_in_every_term() {
    let claims = Shape::dense(&[130, 135]).unwrap();
    let shapes = [(every_operation(), 1), (trees(3, 5, 4, 17), 16), (repeated(), 4), (claims, 1)];
    for (shape, capacity) in shapes {
        let ranges =
            [(ROUTED_WIRES, 8..=WIDE_DEGREE_BITS), (narrow(&shape).unwrap(), 8..=MAX_LEAF_DEGREE_BITS)];
        for (routed_wires, degrees) in ranges {
            let mut common = LeafCircuit::build_in(&shape, capacity, routed_wires).unwrap().data.common;
            for degree_bits in degrees {
                common.fri_params.degree_bits = degree_bits;
                for (term, bits) in SecurityTerms::of(&common, 256).conjectured() {
                    assert!(bits >= MINIMUM_BITS, "{} 2^{degree_bits} {term}: {bits}", shape.descriptor());
                }
            }
        }
    }
    assert!(matches!(
        LeafCircuit::build(&trees(900, 9, 8, 16), 32),
        Err(CircuitError::Size { limit, .. }) if limit == 1 << MAX_LEAF_DEGREE_BITS
    ));
    // 33 features are selected by 64 entries, for which a narrow leaf has no wires.
    assert_eq!(narrow(&trees(900, 9, 8, 33)), None);
    assert!(matches!(
        LeafCircuit::build(&trees(900, 9, 8, 33), 32),
        Err(CircuitError::Size { limit, .. }) if limit == 1 << WIDE_DEGREE_BITS
    ));
}

#[test]
fn the_figures_count_every_row() {
    for info in [LEAF.info(), SHEET.info(), WRAP.info()] {
        let CircuitInfo { rows, degree_bits, gates, .. } = info;
        assert_eq!(gates.iter().map(|gate| gate.rows).sum::<usize>(), 1 << degree_bits);
        assert!(rows <= 1 << degree_bits && rows > 100);
    }
}

#[test]
fn a_wrapped_proof_leaves_room_in_a_transaction_of_95000_bytes() {
    let size = WRAP.info().proof_bytes;
    assert!(size < 84_000, "{size}");
}
