//! Every term of every layer.

use super::fixtures::{LEAF, NODES, SEALS, SHEET, WRAP};
use crate::{CircuitInfo, security::MINIMUM_BITS};

// covers: Z7 Z25
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
