//! Proofs as bytes. Decoding accepts the canonical encoding and nothing else.

use plonky2::{
    fri::proof::FriProof,
    plonk::config::{GenericConfig, Hasher},
    util::serialization::{Buffer, Read, Write},
};

use crate::{
    CircuitError, Layer,
    field::{Common, D, F, Proof},
};

/// The proof system's encoding of a proof.
pub(crate) fn encode_proof<K: GenericConfig<D, F = F>>(proof: &Proof<K>) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to memory does not fail.
    let _ = bytes.write_proof_with_public_inputs(proof);
    bytes
}

/// Decodes a proof, and checks that its Merkle paths have the circuit's lengths and that encoding it gives the same bytes:
/// that excludes elements at the order or above and trailing bytes. The proof system's own decoder refuses none of them.
pub(crate) fn decode_proof<K: GenericConfig<D, F = F>>(
    layer: Layer,
    bytes: &[u8],
    common: &Common,
) -> Result<Proof<K>, CircuitError> {
    let error = |what, expected, got| CircuitError::Decode { layer, what, expected, got };
    // The number of public inputs precedes them, at the end; checked first, for the decoder allocates by it.
    let expected = common.num_public_inputs;
    let tail = 8 * (expected + 1);
    let start = bytes.len().checked_sub(tail).ok_or_else(|| error("length", tail, bytes.len()))?;
    let count = bytes[start..start + 8].iter().rev().fold(0u64, |acc, &b| (acc << 8) | u64::from(b));
    if count != expected as u64 {
        return Err(error("public inputs", expected, usize::try_from(count).unwrap_or(usize::MAX)));
    }
    let mut buffer = Buffer::new(bytes);
    let body = buffer.read_proof::<F, K, D>(common).map_err(|_| error("truncated proof", 0, bytes.len()))?;
    if buffer.pos() != start {
        return Err(error("length", buffer.pos() + tail, bytes.len()));
    }
    check_paths(layer, &body.opening_proof, common)?;
    let public_inputs =
        buffer.read_field_vec(expected + 1).map_err(|_| error("truncated public inputs", expected, 0))?;
    let proof = Proof::<K> { proof: body, public_inputs: public_inputs[1..].to_vec() };
    let encoded = encode_proof(&proof);
    if encoded != bytes {
        let at = encoded.iter().zip(bytes).take_while(|(a, b)| a == b).count();
        return Err(error("element not below the field order at byte", 0, at));
    }
    Ok(proof)
}

/// Each path has its length in front of it, so that one of another length decodes as well.
fn check_paths<H: Hasher<F>>(
    layer: Layer,
    proof: &FriProof<F, H, D>,
    common: &Common,
) -> Result<(), CircuitError> {
    let params = &common.fri_params;
    let height = params.lde_bits();
    let folded = params.reduction_arity_bits.iter().scan(height, |height, arity| {
        *height = height.saturating_sub(*arity);
        Some(*height)
    });
    let folded: Vec<usize> = folded.collect();
    for round in &proof.query_round_proofs {
        let leaves = round.initial_trees_proof.evals_proofs.iter().map(|(_, path)| (path.len(), height));
        let steps = round.steps.iter().zip(&folded).map(|(step, height)| (step.merkle_proof.len(), *height));
        for (got, height) in leaves.chain(steps) {
            let expected = height.saturating_sub(params.config.cap_height);
            if got != expected {
                return Err(CircuitError::Decode { layer, what: "Merkle path", expected, got });
            }
        }
    }
    Ok(())
}
