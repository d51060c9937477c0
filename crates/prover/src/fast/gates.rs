//! Constraints of gates on many points at once.
//!
//! plonky2 evaluates its Poseidon gates and its gates on extension elements point by point; here they are vectorised. Every
//! other gate evaluates itself, packed where it can.

use plonky2::{
    field::types::Field,
    gates::{
        arithmetic_extension::ArithmeticExtensionGate,
        coset_interpolation::CosetInterpolationGate,
        gate::{AnyGate, GateRef},
        multiplication_extension::MulExtensionGate,
        poseidon::PoseidonGate,
        poseidon_mds::PoseidonMdsGate,
        reducing::ReducingGate,
        reducing_extension::ReducingExtensionGate,
    },
    plonk::vars::EvaluationVarsBaseBatch,
};
use sotto_circuits::field::{D, F};

use super::{
    extension_gates::{ExtensionGate, ExtensionGateKernel},
    poseidon::gate::{CONSTRAINTS, MATRIX_WIRES, MatrixGateKernel, PoseidonGateKernel, WIRES},
    simd::Backend,
};

/// A gate's constraints, unfiltered: constraint after constraint, each for all points.
pub(super) fn evaluate(
    backend: Backend,
    gate: &GateRef<F, D>,
    vars: EvaluationVarsBaseBatch<'_, F>,
) -> Vec<F> {
    let gate: &dyn AnyGate<F, D> = &*gate.0;
    let batch = vars.len();
    if backend != Backend::Scalar && batch.is_multiple_of(8) {
        let mut out = vec![F::ZERO; batch * gate.num_constraints()];
        let wires = vars.local_wires;
        if gate.as_any().is::<PoseidonGate<F, D>>() && gate.num_constraints() == CONSTRAINTS {
            let wires = &wires[..WIRES * batch];
            backend.run(PoseidonGateKernel { wires, batch, out: &mut out });
            return out;
        }
        if gate.as_any().is::<PoseidonMdsGate<F, D>>() && gate.num_wires() == MATRIX_WIRES {
            let wires = &wires[..MATRIX_WIRES * batch];
            backend.run(MatrixGateKernel { wires, batch, out: &mut out });
            return out;
        }
        if let Some(gate) = extension_gate(gate) {
            let constants = vars.local_constants;
            backend.run(ExtensionGateKernel { gate, constants, wires, batch, out: &mut out });
            return out;
        }
    }
    gate.eval_unfiltered_base_batch(vars)
}

fn extension_gate(gate: &dyn AnyGate<F, D>) -> Option<ExtensionGate<'_>> {
    let any = gate.as_any();
    if let Some(gate) = any.downcast_ref::<ArithmeticExtensionGate<D>>() {
        Some(ExtensionGate::Arithmetic { ops: gate.num_ops })
    } else if let Some(gate) = any.downcast_ref::<MulExtensionGate<D>>() {
        Some(ExtensionGate::Multiplication { ops: gate.num_ops })
    } else if let Some(gate) = any.downcast_ref::<ReducingGate<D>>() {
        Some(ExtensionGate::Reducing { coeffs: gate.num_coeffs, width: 1 })
    } else if let Some(gate) = any.downcast_ref::<CosetInterpolationGate<F, D>>() {
        let (domain, weights) = (F::two_adic_subgroup(gate.subgroup_bits), &gate.barycentric_weights);
        Some(ExtensionGate::Interpolation { domain, weights, degree: gate.degree })
    } else {
        any.downcast_ref::<ReducingExtensionGate<D>>()
            .map(|gate| ExtensionGate::Reducing { coeffs: gate.num_coeffs, width: 2 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plonky2::{field::types::Sample, hash::hash_types::HashOut, plonk::circuit_data::CircuitConfig};

    /// The gate whose constraints have at most this degree, which plonky2 builds in its recursion alone.
    fn interpolation(bits: usize, degree: usize) -> GateRef<F, D> {
        let points = 1 << bits;
        let parts = (points - 2) / (degree - 1);
        let mut gate = CosetInterpolationGate::<F, D>::new(bits);
        gate.degree = (points - 2) / (parts + 1) + 2;
        GateRef::new(gate)
    }

    #[test]
    fn vectorised_gates_give_what_plonky2_gives() {
        const BATCH: usize = 16;
        let config = CircuitConfig::standard_recursion_config();
        let gates = [
            GateRef::new(PoseidonGate::<F, D>::new()),
            GateRef::new(ArithmeticExtensionGate::<D>::new_from_config(&config)),
            GateRef::new(MulExtensionGate::<D>::new_from_config(&config)),
            GateRef::new(ReducingGate::<D>::new(43)),
            GateRef::new(ReducingExtensionGate::<D>::new(32)),
            GateRef::new(PoseidonMdsGate::<F, D>::new()),
            GateRef::new(CosetInterpolationGate::<F, D>::new(1)),
            GateRef::new(CosetInterpolationGate::<F, D>::new(2)),
            interpolation(2, 3),
            interpolation(3, 4),
            interpolation(4, 6),
            interpolation(4, 8),
        ];
        let hash = HashOut::rand();
        for gate in gates {
            for round in 0..4 {
                let mut wires = F::rand_vec(BATCH * gate.0.num_wires());
                if round == 0 {
                    wires.fill(F::NEG_ONE);
                }
                let constants = F::rand_vec(BATCH * 2);
                let vars = EvaluationVarsBaseBatch::new(BATCH, &constants, &wires, &hash);
                let expected = gate.0.eval_unfiltered_base_batch(vars);
                for backend in Backend::available() {
                    assert_eq!(evaluate(backend, &gate, vars), expected, "{} {backend:?}", gate.0.id());
                }
            }
        }
    }
}
