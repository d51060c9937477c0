//! Proofs to bytes and back.

use plonky2::field::extension::quadratic::QuadraticExtension;
use plonky2::field::goldilocks_field::GoldilocksField;
use plonky2::field::polynomial::PolynomialCoeffs;
use plonky2::field::types::{Field, Field64, PrimeField64};
use plonky2::fri::proof::{FriInitialTreeProof, FriProof, FriQueryRound, FriQueryStep};
use plonky2::hash::merkle_proofs::MerkleProof;
use plonky2::hash::merkle_tree::MerkleCap;
use plonky2::plonk::circuit_data::{CommonCircuitData, VerifierCircuitData, VerifierOnlyCircuitData};
use plonky2::plonk::proof::{OpeningSet, Proof, ProofWithPublicInputs};

use sotto_circuits::evm_hash::{EvmConfig, EvmDigest, EvmHash};

use super::error::Error;
use super::layout::{ELEMENT_BYTES, Layout};

type F = GoldilocksField;
type Extension = QuadraticExtension<F>;
/// A proof of the wrap circuit with its public inputs.
pub type WrapProof = ProofWithPublicInputs<F, EvmConfig, 2>;

/// The proof's bytes in the layout of [`Layout`], without the public inputs.
#[must_use]
pub fn encode_proof(proof: &WrapProof) -> Vec<u8> {
    let Proof { wires_cap, plonk_zs_partial_products_cap, quotient_polys_cap, openings, opening_proof } =
        &proof.proof;
    let mut out = Vec::new();
    for cap in [wires_cap, plonk_zs_partial_products_cap, quotient_polys_cap] {
        put_digests(&mut out, &cap.0);
    }
    for values in [
        &openings.constants,
        &openings.plonk_sigmas,
        &openings.wires,
        &openings.plonk_zs,
        &openings.partial_products,
        &openings.quotient_polys,
        &openings.plonk_zs_next,
    ] {
        put_extensions(&mut out, values);
    }
    for cap in &opening_proof.commit_phase_merkle_caps {
        put_digests(&mut out, &cap.0);
    }
    put_extensions(&mut out, &opening_proof.final_poly.coeffs);
    put_elements(&mut out, &[opening_proof.pow_witness]);
    for query in &opening_proof.query_round_proofs {
        let trees = &query.initial_trees_proof.evals_proofs;
        for (leaf, _) in trees {
            put_elements(&mut out, leaf);
        }
        for (_, path) in trees {
            put_digests(&mut out, &path.siblings);
        }
        for step in &query.steps {
            put_extensions(&mut out, &step.evals);
            put_digests(&mut out, &step.merkle_proof.siblings);
        }
    }
    out
}

/// Reads a proof from bytes: exact length, every element below p. Nothing else is checked.
///
/// # Errors
/// `ProofLength`, `NotCanonical`, `PublicInputCount`, or `UnsupportedCircuit` for a circuit without a layout.
pub fn decode_proof(
    common: &CommonCircuitData<F, 2>,
    public_inputs: &[u64],
    bytes: &[u8],
) -> Result<WrapProof, Error> {
    let layout = Layout::new(common)?;
    if bytes.len() != layout.proof_bytes() {
        return Err(Error::ProofLength { expected: layout.proof_bytes(), got: bytes.len() });
    }
    if public_inputs.len() != common.num_public_inputs {
        return Err(Error::PublicInputCount { expected: common.num_public_inputs, got: public_inputs.len() });
    }
    let public_inputs = public_inputs
        .iter()
        .enumerate()
        .map(|(i, &value)| element(i * ELEMENT_BYTES, value))
        .collect::<Result<_, _>>()?;
    let mut reader = Reader { bytes, position: 0 };
    let cap = |reader: &mut Reader<'_>| Ok(MerkleCap(reader.digests(layout.cap_len)?));
    let wires_cap = cap(&mut reader)?;
    let plonk_zs_partial_products_cap = cap(&mut reader)?;
    let quotient_polys_cap = cap(&mut reader)?;
    let [constants, sigmas, wires, zs, products, quotient] = layout.opening_lens;
    let openings = OpeningSet {
        constants: reader.extensions(constants)?,
        plonk_sigmas: reader.extensions(sigmas)?,
        wires: reader.extensions(wires)?,
        plonk_zs: reader.extensions(zs)?,
        partial_products: reader.extensions(products)?,
        quotient_polys: reader.extensions(quotient)?,
        plonk_zs_next: reader.extensions(layout.next_opening_len)?,
        lookup_zs: Vec::new(),
        lookup_zs_next: Vec::new(),
    };
    let opening_proof = FriProof {
        commit_phase_merkle_caps: layout
            .arity_bits
            .iter()
            .map(|_| cap(&mut reader))
            .collect::<Result<_, Error>>()?,
        final_poly: PolynomialCoeffs::new(reader.extensions(layout.final_poly_len)?),
        pow_witness: reader.element()?,
        query_round_proofs: (0..layout.queries).map(|_| reader.query(&layout)).collect::<Result<_, _>>()?,
    };
    let proof =
        Proof { wires_cap, plonk_zs_partial_products_cap, quotient_polys_cap, openings, opening_proof };
    Ok(ProofWithPublicInputs { proof, public_inputs })
}

/// Decodes the bytes strictly and verifies the proof with stock plonky2.
///
/// # Errors
/// Those of [`decode_proof`], and `InvalidProof` with plonky2's reason.
pub fn verify_encoded(
    common: &CommonCircuitData<F, 2>,
    verifier_only: &VerifierOnlyCircuitData<EvmConfig, 2>,
    public_inputs: &[u64],
    bytes: &[u8],
) -> Result<(), Error> {
    let proof = decode_proof(common, public_inputs, bytes)?;
    let verifier = VerifierCircuitData { verifier_only: verifier_only.clone(), common: common.clone() };
    verifier.verify(proof).map_err(|e| Error::InvalidProof { reason: e.to_string() })
}

fn put_elements(out: &mut Vec<u8>, elements: &[F]) {
    for element in elements {
        out.extend_from_slice(&element.to_canonical_u64().to_be_bytes());
    }
}

fn put_extensions(out: &mut Vec<u8>, elements: &[Extension]) {
    for element in elements {
        put_elements(out, &element.0);
    }
}

fn put_digests(out: &mut Vec<u8>, digests: &[EvmDigest]) {
    for digest in digests {
        out.extend_from_slice(&digest.0);
    }
}

fn element(offset: usize, value: u64) -> Result<F, Error> {
    if value >= F::ORDER {
        return Err(Error::NotCanonical { offset, value });
    }
    Ok(F::from_canonical_u64(value))
}

struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let Some(chunk) = rest.first_chunk::<N>() else {
            return Err(Error::ProofLength { expected: self.position + N, got: self.bytes.len() });
        };
        self.position += N;
        Ok(*chunk)
    }

    fn element(&mut self) -> Result<F, Error> {
        let offset = self.position;
        element(offset, u64::from_be_bytes(self.take()?))
    }

    fn elements(&mut self, len: usize) -> Result<Vec<F>, Error> {
        (0..len).map(|_| self.element()).collect()
    }

    fn extensions(&mut self, len: usize) -> Result<Vec<Extension>, Error> {
        (0..len).map(|_| Ok(QuadraticExtension([self.element()?, self.element()?]))).collect()
    }

    fn digests(&mut self, len: usize) -> Result<Vec<EvmDigest>, Error> {
        (0..len).map(|_| Ok(EvmDigest(self.take()?))).collect()
    }

    fn query(&mut self, layout: &Layout) -> Result<FriQueryRound<F, EvmHash, 2>, Error> {
        let mut leaves = Vec::new();
        for len in layout.leaf_lens {
            leaves.push(self.elements(len)?);
        }
        let mut evals_proofs = Vec::new();
        for leaf in leaves {
            evals_proofs.push((leaf, MerkleProof { siblings: self.digests(layout.first_path_len)? }));
        }
        let mut steps = Vec::new();
        for (arity, path) in layout.arity_bits.iter().zip(&layout.step_path_lens) {
            let evals = self.extensions(1 << arity)?;
            steps.push(FriQueryStep { evals, merkle_proof: MerkleProof { siblings: self.digests(*path)? } });
        }
        Ok(FriQueryRound { initial_trees_proof: FriInitialTreeProof { evals_proofs }, steps })
    }
}
