//! Security in bits, term by term, computed from a circuit's shape.
//!
//! With `n` rows, rate `ρ = 2^−r`, `|F| ≈ 2^64`, `|K| = |F|^2` and `c` repetitions of what is challenged in `F`:
//!
//! | term | error |
//! |---|---|
//! | queries, conjectured | `ρ^q·2^−pow` (the conjecture of ethSTARK; the list-decoding refinement costs 0.05 to 0.1 bit a query) |
//! | permutation | `(2·n·routed/|F|)^c`: factors of the grand product, and the chance that one vanishes |
//! | combination | `(constraints/|F|)^c`: powers of α |
//! | out of domain | `(quotient degree + 1)·n/|K|` |
//! | batching | `n/ρ·polynomials/|K|`: powers of the FRI combination challenge |
//! | folding | `n/ρ·arity·layers/|K|` |
//! | hash | half the digest's bits (collisions); Poseidon at its designed 128 |
//!
//! Proven, in the Johnson range with multiplicity `m` (BCHKS25, ePrint 2025/2055; constants as in DKT26): the least of
//! `q·log2(1/(√ρ·(1 + 1/2m)))` + pow and `log2(|K| / (8·n/ρ·(m+1/2)^3/(3ρ)·polynomials))`, at the best `m`.

use serde::Serialize;

use crate::field::{Common, D};

/// Least bits that every conjectured term must have.
pub const MINIMUM_BITS: f64 = 100.0;

/// Bits of a Poseidon digest, as far as security goes: four elements.
pub(crate) const POSEIDON_DIGEST_BITS: u32 = 256;

const FIELD_BITS: f64 = 64.0;
const EXTENSION_BITS: f64 = FIELD_BITS * D as f64;

/// Security of one circuit in bits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SecurityTerms {
    /// FRI queries and work, conjectured.
    pub queries: f64,
    /// The permutation argument.
    pub permutation: f64,
    /// Combination of the constraints.
    pub combination: f64,
    /// The point outside the domain.
    pub out_of_domain: f64,
    /// Batching of polynomials for FRI.
    pub batching: f64,
    /// FRI folding.
    pub folding: f64,
    /// Collisions of the Merkle trees' hash.
    pub hash: f64,
    /// FRI as proven in the Johnson range, beside the conjectured terms.
    pub proven_johnson: f64,
}

impl SecurityTerms {
    /// Terms of a circuit whose Merkle trees have digests of this many bits.
    pub fn of(common: &Common, digest_bits: u32) -> Self {
        let config = &common.config;
        let fri = &config.fri_config;
        let rows = common.degree() as f64;
        let repetitions = config.num_challenges as f64;
        let domain = common.lde_size() as f64;
        let polynomials = polynomials(common) as f64;
        let permutation_constraints = config.num_challenges * (2 + common.num_partial_products);
        let constraints = (common.num_gate_constraints + permutation_constraints) as f64;
        let arities = &common.fri_params.reduction_arity_bits;
        let folds: f64 = arities.iter().map(|&bits| f64::from(1u32 << bits)).sum();
        let work = f64::from(fri.proof_of_work_bits);
        Self {
            queries: ((fri.num_query_rounds * fri.rate_bits) as f64 + work).min(EXTENSION_BITS),
            permutation: repetitions * (FIELD_BITS - (2.0 * rows * config.num_routed_wires as f64).log2()),
            combination: repetitions * (FIELD_BITS - constraints.log2()),
            out_of_domain: EXTENSION_BITS - ((common.quotient_degree_factor + 1) as f64 * rows).log2(),
            batching: EXTENSION_BITS - (domain * polynomials).log2(),
            folding: EXTENSION_BITS - (domain * folds.max(1.0)).log2(),
            hash: f64::from(digest_bits) / 2.0,
            proven_johnson: proven_johnson(common, polynomials),
        }
    }

    /// The conjectured terms with their names.
    pub const fn conjectured(&self) -> [(&'static str, f64); 7] {
        [
            ("queries", self.queries),
            ("permutation", self.permutation),
            ("combination", self.combination),
            ("out-of-domain", self.out_of_domain),
            ("batching", self.batching),
            ("folding", self.folding),
            ("hash", self.hash),
        ]
    }

    /// The least conjectured term.
    pub fn minimum(&self) -> f64 {
        self.conjectured().iter().fold(f64::INFINITY, |least, (_, bits)| least.min(*bits))
    }
}

/// Polynomials that FRI opens.
pub(crate) fn polynomials(common: &Common) -> usize {
    let config = &common.config;
    let challenges = config.num_challenges;
    common.num_constants
        + config.num_routed_wires
        + config.num_wires
        + challenges * (1 + common.num_partial_products)
        + challenges * common.quotient_degree_factor
}

fn proven_johnson(common: &Common, polynomials: f64) -> f64 {
    let fri = &common.config.fri_config;
    let rate = 0.5f64.powi(i32::try_from(fri.rate_bits).unwrap_or(i32::MAX));
    let domain = common.lde_size() as f64;
    let bits = |m: f64| {
        let distance = -(rate.sqrt() * (1.0 + 0.5 / m)).log2();
        let queries = fri.num_query_rounds as f64 * distance + f64::from(fri.proof_of_work_bits);
        let commit = 8.0 * domain * (m + 0.5).powi(3) / (3.0 * rate) * polynomials;
        queries.min(EXTENSION_BITS - commit.log2())
    };
    (3..=1000u32).map(|m| bits(f64::from(m))).fold(0.0, f64::max)
}
