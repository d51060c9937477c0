//! The permutation argument: Z and its partial products on the trace's rows.
//!
//! With `f_j = w_j + β·k_j·x + γ` and `g_j = w_j + β·σ_j + γ`, the wires are cut into chunks of the quotient's degree, and
//! `Z(g·x) = Z(x)·Π f_j/g_j` is accumulated chunk by chunk. Quotients of whole chunks are inverted together, one batch for
//! each chunk, instead of one inversion for each row.

use plonky2::{
    field::{packable::Packable, packed::PackedField, types::Field},
    plonk::config::GenericConfig,
};
use rayon::prelude::*;
use sotto_circuits::field::{CircuitData, D, F};

use super::{circuit::FastCircuit, columns::Columns};
use crate::ProveError;

/// As many elements as one vector instruction takes.
pub(super) type Packed = <F as Packable>::Packing;

/// Z of each challenge, then the partial products of each challenge, on the trace's rows.
pub(super) fn products<K: GenericConfig<D, F = F>>(
    circuit: &FastCircuit,
    data: &CircuitData<K>,
    wires: &Columns,
    betas: &[F],
    gammas: &[F],
) -> Result<Columns, ProveError> {
    let common = &data.common;
    let chunk = common.quotient_degree_factor;
    let partials = common.num_partial_products;
    let rows = common.degree();
    let mut out = Columns::zeros(betas.len() * (1 + partials), rows);
    let (zs, products) = out.split_at_mut(betas.len());
    let challenges = betas.iter().zip(gammas);
    let outputs = zs.chunks_exact_mut(rows).zip(products.chunks_exact_mut(partials * rows));
    for ((&beta, &gamma), (z, products)) in challenges.zip(outputs) {
        let quotients: Vec<Vec<F>> = (0..=partials)
            .into_par_iter()
            .map(|at| {
                let from = at * chunk;
                let to = (from + chunk).min(common.config.num_routed_wires);
                let subgroup = &data.prover_only.subgroup;
                chunk_quotients(from..to, circuit, wires, subgroup, &common.k_is, beta, gamma)
            })
            .collect::<Option<_>>()
            .ok_or(ProveError::Unsupported { what: "a challenge at which a factor vanishes" })?;
        let mut accumulator = F::ONE;
        for row in 0..rows {
            z[row] = accumulator;
            for (at, quotient) in quotients.iter().enumerate() {
                accumulator *= quotient[row];
                if at < partials {
                    products[at * rows + row] = accumulator;
                }
            }
        }
    }
    Ok(out)
}

/// `Π f_j/g_j` over the wires of a chunk, for each row; nothing if a denominator is zero.
fn chunk_quotients(
    chunk: std::ops::Range<usize>,
    circuit: &FastCircuit,
    wires: &Columns,
    subgroup: &[F],
    shifts: &[F],
    beta: F,
    gamma: F,
) -> Option<Vec<F>> {
    let rows = subgroup.len();
    let mut numerators = vec![F::ONE; rows];
    let mut denominators = vec![F::ONE; rows];
    for j in chunk {
        let wire = wires.column(j);
        multiply(&mut numerators, wire, subgroup, beta * shifts[j], gamma);
        multiply(&mut denominators, wire, circuit.sigmas.column(j), beta, gamma);
    }
    if denominators.iter().any(Field::is_zero) {
        return None;
    }
    let inverses = F::batch_multiplicative_inverse(&denominators);
    numerators.iter_mut().zip(inverses).for_each(|(numerator, inverse)| *numerator *= inverse);
    Some(numerators)
}

/// `out *= wire + scale·id + gamma`, element by element.
fn multiply(out: &mut [F], wire: &[F], id: &[F], scale: F, gamma: F) {
    if out.len().is_multiple_of(Packed::WIDTH) {
        let (scale, gamma) = (Packed::from(scale), Packed::from(gamma));
        let inputs = Packed::pack_slice(wire).iter().zip(Packed::pack_slice(id));
        for (out, (&wire, &id)) in Packed::pack_slice_mut(out).iter_mut().zip(inputs) {
            *out *= wire + scale * id + gamma;
        }
    } else {
        out.iter_mut().zip(wire.iter().zip(id)).for_each(|(o, (&w, &i))| *o *= w + scale * i + gamma);
    }
}
