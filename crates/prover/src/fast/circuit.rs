//! What the prover derives from a circuit once: columns instead of rows, selectors, points.

use std::ops::Range;

use parking_lot::Mutex;
use plonky2::{
    field::types::Field,
    plonk::config::{GenericConfig, GenericHashOut},
};
use rayon::prelude::*;
use serde::Deserialize;
use sotto_circuits::field::{CircuitData, Common, D, F};

use super::{
    columns::Columns,
    domain::{Domain, reversed},
    fft::{Evaluation, Interpolation},
    scratch::Scratch,
    simd::Backend,
    witness::WitnessPlan,
};
use crate::ProveError;

/// A selector of a gate: its polynomial, and the positions of the gates that share it.
#[derive(Clone, Debug)]
pub(super) struct Selector {
    pub(super) polynomial: usize,
    pub(super) group: Range<usize>,
}

/// The quotient's domain, block by block.
#[derive(Debug)]
pub(super) struct QuotientDomain {
    /// Constants, selectors first, of each block.
    pub(super) constants: Vec<Columns>,
    /// Permutation polynomials of each block.
    pub(super) sigmas: Vec<Columns>,
    /// Points of each block.
    pub(super) points: Vec<Vec<F>>,
    /// Lagrange's first basis polynomial on each block.
    pub(super) first: Vec<Vec<F>>,
    /// The inverse of `X^n - 1`, constant on a block.
    pub(super) vanishing_inverse: Vec<F>,
    /// log2 of the number of blocks.
    pub(super) bits: usize,
}

/// A circuit prepared for the fast prover. The circuit data itself stays where it is.
#[derive(Debug)]
pub struct FastCircuit {
    digest: Vec<u8>,
    pub(super) backend: Backend,
    pub(super) selectors: Vec<Selector>,
    pub(super) quotient: QuotientDomain,
    /// Values of the permutation polynomials on the trace's rows.
    pub(super) sigmas: Columns,
    pub(super) domain: Domain,
    /// From coefficients to values on each block of the domain.
    pub(super) evaluations: Vec<Evaluation>,
    /// From values on the trace's rows to coefficients.
    pub(super) interpolation: Interpolation,
    /// The same from the quotient's domain.
    pub(super) quotient_interpolation: Interpolation,
    pub(super) plan: WitnessPlan,
    pub(super) scratch: Mutex<Vec<Scratch>>,
}

impl FastCircuit {
    /// Prepares a circuit: a few milliseconds for each 2^12 rows.
    ///
    /// # Errors
    /// When the circuit has what this prover does not support: lookup tables, or constraints of a degree above the rate.
    pub fn new<K: GenericConfig<D, F = F>>(data: &CircuitData<K>) -> Result<Self, ProveError> {
        Self::on(Backend::detect(), data)
    }

    /// As [`Self::new`], on the instructions given.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn on<K: GenericConfig<D, F = F>>(
        backend: Backend,
        data: &CircuitData<K>,
    ) -> Result<Self, ProveError> {
        let common = &data.common;
        let rate_bits = common.config.fri_config.rate_bits;
        let quotient_bits = common.quotient_degree_factor.next_power_of_two().trailing_zeros() as usize;
        if !common.luts.is_empty() || common.num_lookup_polys > 0 {
            return Err(ProveError::Unsupported { what: "lookup tables" });
        }
        if quotient_bits > rate_bits {
            return Err(ProveError::Unsupported { what: "constraints of a degree above the rate" });
        }
        let domain = Domain::new(common.degree_bits(), rate_bits, F::coset_shift());
        Ok(Self {
            backend,
            digest: data.verifier_only.circuit_digest.to_bytes(),
            selectors: selectors(common)?,
            quotient: QuotientDomain::new(data, &domain, quotient_bits),
            sigmas: sigma_values(data),
            evaluations: domain
                .shifts
                .iter()
                .map(|&shift| Evaluation::new(backend, common.degree_bits(), shift))
                .collect(),
            interpolation: Interpolation::new(backend, common.degree_bits(), F::ONE),
            quotient_interpolation: Interpolation::new(
                backend,
                common.degree_bits() + quotient_bits,
                F::coset_shift(),
            ),
            plan: WitnessPlan::new(data),
            domain,
            scratch: Mutex::default(),
        })
    }

    /// Refuses data of another circuit than the one that was prepared.
    pub(super) fn check<K: GenericConfig<D, F = F>>(&self, data: &CircuitData<K>) -> Result<(), ProveError> {
        if self.digest == data.verifier_only.circuit_digest.to_bytes() {
            Ok(())
        } else {
            Err(ProveError::Unsupported { what: "a circuit other than the one prepared" })
        }
    }
}

/// plonky2 keeps the fields of its selector table to itself, but serialises them.
#[derive(Deserialize)]
struct SelectorTable {
    selector_indices: Vec<usize>,
    groups: Vec<Range<usize>>,
}

fn selectors(common: &Common) -> Result<Vec<Selector>, ProveError> {
    let unreadable = |_| ProveError::Unsupported { what: "this form of plonky2's selector table" };
    let value = serde_json::to_value(&common.selectors_info).map_err(unreadable)?;
    let table: SelectorTable = serde_json::from_value(value).map_err(unreadable)?;
    let selector = |&polynomial: &usize| {
        let group = table.groups.get(polynomial).cloned();
        group.map(|group| Selector { polynomial, group })
    };
    let found: Option<Vec<Selector>> = table.selector_indices.iter().map(selector).collect();
    found
        .filter(|selectors| selectors.len() == common.gates.len())
        .ok_or(ProveError::Unsupported { what: "a selector table of another length" })
}

impl QuotientDomain {
    fn new<K: GenericConfig<D, F = F>>(data: &CircuitData<K>, domain: &Domain, bits: usize) -> Self {
        let common = &data.common;
        let rows = common.degree();
        let leaves = &data.prover_only.constants_sigmas_commitment.merkle_tree.leaves;
        let gather = |range: Range<usize>, block: usize| {
            let mut columns = Columns::zeros(range.len(), rows);
            for (column, out) in range.zip(columns.elements_mut().chunks_exact_mut(rows)) {
                for (value, leaf) in out.iter_mut().zip(&leaves[block * rows..]) {
                    *value = leaf[column];
                }
            }
            columns
        };
        let blocks = 0..1usize << bits;
        let constants = blocks.clone().into_par_iter().map(|b| gather(common.constants_range(), b)).collect();
        let sigmas = blocks.clone().into_par_iter().map(|b| gather(common.sigmas_range(), b)).collect();
        let subgroup = &data.prover_only.subgroup;
        let row_bits = common.degree_bits() as u32;
        let points: Vec<Vec<F>> = blocks
            .clone()
            .map(|b| (0..rows).map(|q| domain.shifts[b] * subgroup[reversed(q, row_bits)]).collect())
            .collect();
        let vanishing: Vec<F> =
            blocks.map(|b| domain.shifts[b].exp_power_of_2(common.degree_bits()) - F::ONE).collect();
        let count = F::from_canonical_usize(rows);
        let first = points.iter().zip(&vanishing).map(|(points, &vanishing)| {
            let denominators: Vec<F> = points.iter().map(|&x| count * (x - F::ONE)).collect();
            F::batch_multiplicative_inverse(&denominators).into_iter().map(|i| i * vanishing).collect()
        });
        let first = first.collect();
        let vanishing_inverse = F::batch_multiplicative_inverse(&vanishing);
        Self { constants, sigmas, points, first, vanishing_inverse, bits }
    }
}

fn sigma_values<K: GenericConfig<D, F = F>>(data: &CircuitData<K>) -> Columns {
    let rows = data.common.degree();
    let mut columns = Columns::zeros(data.common.config.num_routed_wires, rows);
    columns.elements_mut().par_chunks_exact_mut(rows).enumerate().for_each(|(column, out)| {
        for (value, row) in out.iter_mut().zip(&data.prover_only.sigmas) {
            *value = row[column];
        }
    });
    columns
}
