//! Layout of an encoded proof: where each section lies, in bytes.

use plonky2::field::goldilocks_field::GoldilocksField;
use plonky2::plonk::circuit_data::CommonCircuitData;

use super::error::Error;

pub use sotto_circuits::evm_hash::DIGEST_BYTES;
/// Bytes of a field element, big-endian.
pub const ELEMENT_BYTES: usize = 8;
/// Bytes of an element of the quadratic extension: c0, then c1.
pub const EXTENSION_BYTES: usize = 2 * ELEMENT_BYTES;
/// Public inputs that the contract's interface carries.
pub const PUBLIC_INPUTS: usize = 8;

/// Sizes of an encoded proof, all fixed by the circuit.
///
/// A proof is the concatenation, without any length or padding, of
/// 1. three Merkle caps: wires, permutation products, quotient; each `2^cap_height` digests of 25 bytes;
/// 2. the openings at zeta (constants, sigmas, wires, Z, partial products, quotient chunks) and at g zeta (Z);
/// 3. one Merkle cap per folding step;
/// 4. the final polynomial, lowest coefficient first;
/// 5. the proof-of-work witness, one element;
/// 6. per query: the four leaves (constants and sigmas, wires, Z and partial products, quotient) as elements, their
///    four Merkle paths, then per folding step the coset's evaluations and their Merkle path.
///
/// Field elements are eight bytes big-endian and below p, so that leaves and transcript hash them as they lie;
/// extension elements are two of them, c0 first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Digests in a Merkle cap.
    pub cap_len: usize,
    /// Elements in the leaf of each of the four oracles.
    pub leaf_lens: [usize; 4],
    /// Extension elements opened at zeta, in order: constants, sigmas, wires, Z, partial products, quotient chunks.
    pub opening_lens: [usize; 6],
    /// Extension elements opened at g zeta.
    pub next_opening_len: usize,
    /// Arities of the folding steps, as logarithms to base 2.
    pub arity_bits: Vec<usize>,
    /// Coefficients of the final polynomial.
    pub final_poly_len: usize,
    /// Query rounds.
    pub queries: usize,
    /// Digests on a path of one of the four first trees.
    pub first_path_len: usize,
    /// Digests on a path of each folding step's tree.
    pub step_path_lens: Vec<usize>,
}

impl Layout {
    /// The layout of a circuit's proofs.
    ///
    /// # Errors
    /// `UnsupportedCircuit` when a tree is not as high as its cap.
    pub fn new(common: &CommonCircuitData<GoldilocksField, 2>) -> Result<Self, Error> {
        let config = &common.config;
        let params = &common.fri_params;
        let cap_height = params.config.cap_height;
        let challenges = config.num_challenges;
        let partial_products = challenges * common.num_partial_products;
        let quotient = challenges * common.quotient_degree_factor;
        let path_len = |tree_height: usize| {
            tree_height.checked_sub(cap_height).ok_or_else(|| Error::UnsupportedCircuit {
                property: "fri_params.config.cap_height",
                expected: format!("at most {tree_height}"),
                got: cap_height.to_string(),
            })
        };
        let mut height = params.lde_bits();
        let first_path_len = path_len(height)?;
        let mut step_path_lens = Vec::new();
        for &arity in &params.reduction_arity_bits {
            height = height.saturating_sub(arity);
            step_path_lens.push(path_len(height)?);
        }
        Ok(Self {
            cap_len: 1 << cap_height,
            leaf_lens: [
                common.num_constants + config.num_routed_wires,
                config.num_wires,
                challenges + partial_products,
                quotient,
            ],
            opening_lens: [
                common.num_constants,
                config.num_routed_wires,
                config.num_wires,
                challenges,
                partial_products,
                quotient,
            ],
            next_opening_len: challenges,
            arity_bits: params.reduction_arity_bits.clone(),
            final_poly_len: params.final_poly_len(),
            queries: params.config.num_query_rounds,
            first_path_len,
            step_path_lens,
        })
    }

    /// Bytes of one Merkle cap.
    #[must_use]
    pub fn cap_bytes(&self) -> usize {
        self.cap_len * DIGEST_BYTES
    }

    /// Offset of the openings.
    #[must_use]
    pub fn openings_offset(&self) -> usize {
        3 * self.cap_bytes()
    }

    /// Extension elements in the openings, both points.
    #[must_use]
    pub fn openings_len(&self) -> usize {
        self.opening_lens.iter().sum::<usize>() + self.next_opening_len
    }

    /// Offset of the folding steps' Merkle caps.
    #[must_use]
    pub fn step_caps_offset(&self) -> usize {
        self.openings_offset() + self.openings_len() * EXTENSION_BYTES
    }

    /// Offset of the final polynomial.
    #[must_use]
    pub fn final_poly_offset(&self) -> usize {
        self.step_caps_offset() + self.arity_bits.len() * self.cap_bytes()
    }

    /// Offset of the proof-of-work witness.
    #[must_use]
    pub fn pow_witness_offset(&self) -> usize {
        self.final_poly_offset() + self.final_poly_len * EXTENSION_BYTES
    }

    /// Offset of the first query.
    #[must_use]
    pub fn queries_offset(&self) -> usize {
        self.pow_witness_offset() + ELEMENT_BYTES
    }

    /// Offset of the first Merkle path inside a query.
    #[must_use]
    pub fn paths_offset_in_query(&self) -> usize {
        self.leaf_lens.iter().sum::<usize>() * ELEMENT_BYTES
    }

    /// Offset of the first folding step inside a query.
    #[must_use]
    pub fn steps_offset_in_query(&self) -> usize {
        self.paths_offset_in_query() + 4 * self.first_path_len * DIGEST_BYTES
    }

    /// Bytes of one query.
    #[must_use]
    pub fn query_bytes(&self) -> usize {
        let steps = self.arity_bits.iter().zip(&self.step_path_lens);
        let steps: usize = steps.map(|(arity, path)| (EXTENSION_BYTES << arity) + path * DIGEST_BYTES).sum();
        self.steps_offset_in_query() + steps
    }

    /// Bytes of an encoded proof.
    #[must_use]
    pub fn proof_bytes(&self) -> usize {
        self.queries_offset() + self.queries * self.query_bytes()
    }

    /// Every section with its byte range, for tests that sample each of them. Sections inside queries are those of
    /// the first and of the last query.
    #[must_use]
    pub fn sections(&self) -> Vec<(&'static str, std::ops::Range<usize>)> {
        let mut sections = Vec::new();
        let mut end = 0;
        let mut push = |name: &'static str, len: usize| {
            sections.push((name, end..end + len));
            end += len;
        };
        for name in ["wires cap", "products cap", "quotient cap"] {
            push(name, self.cap_bytes());
        }
        let names = ["constants", "sigmas", "wires", "Z", "partial products", "quotient"];
        for (name, len) in names.into_iter().zip(self.opening_lens) {
            push(name, len * EXTENSION_BYTES);
        }
        push("next Z", self.next_opening_len * EXTENSION_BYTES);
        for _ in &self.arity_bits {
            push("step cap", self.cap_bytes());
        }
        push("final polynomial", self.final_poly_len * EXTENSION_BYTES);
        push("work witness", ELEMENT_BYTES);
        for query in 0..self.queries {
            if query != 0 && query + 1 != self.queries {
                push("middle query", self.query_bytes());
                continue;
            }
            for (name, len) in ["constants leaf", "wires leaf", "products leaf", "quotient leaf"]
                .into_iter()
                .zip(self.leaf_lens)
            {
                push(name, len * ELEMENT_BYTES);
            }
            for name in ["constants path", "wires path", "products path", "quotient path"] {
                push(name, self.first_path_len * DIGEST_BYTES);
            }
            for (arity, path) in self.arity_bits.iter().zip(&self.step_path_lens) {
                push("step evaluations", EXTENSION_BYTES << arity);
                push("step path", path * DIGEST_BYTES);
            }
        }
        sections
    }
}
