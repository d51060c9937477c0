//! Proofs as bytes. Decoding accepts the canonical encoding and nothing else.

use plonky2::{
    plonk::config::GenericConfig,
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

/// Decodes a proof, and checks that encoding it gives the same bytes: that excludes elements at the order or above,
/// trailing bytes and Merkle paths of other lengths, none of which the proof system's own decoder refuses.
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
