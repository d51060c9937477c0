//! Which constraint library of the contract evaluates a gate, and with which parameters.

use plonky2::field::cosets::get_unique_coset_shifts;
use plonky2::field::goldilocks_field::GoldilocksField;
use plonky2::field::types::Field;
use plonky2::gates::arithmetic_base::ArithmeticGate;
use plonky2::gates::arithmetic_extension::ArithmeticExtensionGate;
use plonky2::gates::base_sum::BaseSumGate;
use plonky2::gates::constant::ConstantGate;
use plonky2::gates::coset_interpolation::CosetInterpolationGate;
use plonky2::gates::exponentiation::ExponentiationGate;
use plonky2::gates::gate::{Gate, GateRef};
use plonky2::gates::multiplication_extension::MulExtensionGate;
use plonky2::gates::noop::NoopGate;
use plonky2::gates::poseidon::PoseidonGate;
use plonky2::gates::poseidon_mds::PoseidonMdsGate;
use plonky2::gates::public_input::PublicInputGate;
use plonky2::gates::random_access::RandomAccessGate;
use plonky2::gates::reducing::ReducingGate;
use plonky2::gates::reducing_extension::ReducingExtensionGate;

use super::error::Error;

type F = GoldilocksField;

/// A call of a gate's constraint library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GateCall {
    /// The Solidity library, and its file under `gates/`.
    pub library: &'static str,
    /// The library's file, without directory.
    pub file: &'static str,
    /// Arguments after the frame.
    pub arguments: Vec<usize>,
}

/// The call for a gate, `None` for one without constraints.
pub(super) fn gate_call(gate: &GateRef<F, 2>) -> Result<Option<GateCall>, Error> {
    let any = gate.0.as_any();
    let call = |library, file, arguments| Ok(Some(GateCall { library, file, arguments }));
    if any.is::<NoopGate>() {
        return Ok(None);
    }
    if let Some(g) = any.downcast_ref::<ConstantGate>() {
        return call("ConstantGate", "PlainGates", vec![Gate::<F, 2>::num_constants(g)]);
    }
    if any.is::<PublicInputGate>() {
        return call("PublicInputGate", "PlainGates", vec![]);
    }
    if let Some(g) = any.downcast_ref::<ArithmeticGate>() {
        return call("ArithmeticGate", "ArithmeticGates", vec![g.num_ops]);
    }
    if let Some(g) = any.downcast_ref::<ArithmeticExtensionGate<2>>() {
        return call("ArithmeticExtensionGate", "ArithmeticGates", vec![g.num_ops]);
    }
    if let Some(g) = any.downcast_ref::<MulExtensionGate<2>>() {
        return call("MulExtensionGate", "ArithmeticGates", vec![g.num_ops]);
    }
    if let Some(g) = any.downcast_ref::<BaseSumGate<2>>() {
        return call("BaseSumGate", "BaseSumGate", vec![2, g.num_limbs]);
    }
    if let Some(g) = any.downcast_ref::<BaseSumGate<4>>() {
        return call("BaseSumGate", "BaseSumGate", vec![4, g.num_limbs]);
    }
    if let Some(g) = any.downcast_ref::<RandomAccessGate<F, 2>>() {
        return call(
            "RandomAccessGate",
            "RandomAccessGate",
            vec![g.bits, g.num_copies, g.num_extra_constants],
        );
    }
    if let Some(g) = any.downcast_ref::<ReducingGate<2>>() {
        return call("ReducingGate", "ReducingGates", vec![g.num_coeffs]);
    }
    if let Some(g) = any.downcast_ref::<ReducingExtensionGate<2>>() {
        return call("ReducingExtensionGate", "ReducingGates", vec![g.num_coeffs]);
    }
    if let Some(g) = any.downcast_ref::<ExponentiationGate<F, 2>>() {
        return call("ExponentiationGate", "ExponentiationGate", vec![g.num_power_bits]);
    }
    if let Some(g) = any.downcast_ref::<CosetInterpolationGate<F, 2>>() {
        if !has_subgroup_weights(g) {
            return Err(Error::UnknownGate { id: gate.0.id() });
        }
        return call("CosetInterpolationGate", "CosetInterpolationGate", vec![g.subgroup_bits, g.degree]);
    }
    if any.is::<PoseidonGate<F, 2>>() {
        return call("PoseidonGate", "PoseidonGates", vec![]);
    }
    if any.is::<PoseidonMdsGate<F, 2>>() {
        return call("PoseidonMdsGate", "PoseidonGates", vec![]);
    }
    Err(Error::UnknownGate { id: gate.0.id() })
}

/// Whether the barycentric weights are x / N for each x of the subgroup of order N, as the contract computes them.
fn has_subgroup_weights(gate: &CosetInterpolationGate<F, 2>) -> bool {
    let Ok(order) = u64::try_from(1_u128 << gate.subgroup_bits) else { return false };
    let scale = F::from_canonical_u64(order).inverse();
    let weights: Vec<F> = F::two_adic_subgroup(gate.subgroup_bits).into_iter().map(|x| x * scale).collect();
    gate.barycentric_weights == weights
}

/// The generator whose powers are the cosets of the wires, if they are powers.
pub(super) fn coset_generator(cosets: &[F]) -> Option<F> {
    let generator = *cosets.get(1)?;
    (generator.powers().take(cosets.len()).eq(cosets.iter().copied())
        && get_unique_coset_shifts::<F>(2, 2).get(1) == Some(&generator))
    .then_some(generator)
}
