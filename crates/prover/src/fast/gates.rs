//! Constraints of gates on many points at once.

use plonky2::{gates::gate::GateRef, plonk::vars::EvaluationVarsBaseBatch};
use sotto_circuits::field::{D, F};

/// A gate's constraints, unfiltered: constraint after constraint, each for all points.
pub(super) fn evaluate(gate: &GateRef<F, D>, vars: EvaluationVarsBaseBatch<'_, F>) -> Vec<F> {
    gate.0.eval_unfiltered_base_batch(vars)
}
