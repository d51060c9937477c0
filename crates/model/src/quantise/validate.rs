//! Whether a real program is consistent, so that the other stages can index it.

use crate::real::{RealNode, RealOp};
use crate::{ModelError, RealProgram};

/// Checks counts, references and numbers.
///
/// # Errors
/// With the first that is wrong.
pub(super) fn check(real: &RealProgram) -> Result<(), ModelError> {
    if !real.fits() {
        let (got, limit) = (real.value_count(), crate::program::MAX_VALUES);
        return Err(ModelError::TooLarge { what: "values or weights of the model", got, limit });
    }
    for (index, matrix) in real.matrices.iter().enumerate() {
        let place = || format!("matrix {index}");
        if matrix.inputs.checked_mul(matrix.biases.len()) != Some(matrix.weights.len()) {
            return Err(ModelError::Inconsistent { place: place() });
        }
        finite(&place, matrix.weights.iter().chain(&matrix.biases))?;
    }
    let mut known = real.inputs;
    for (position, op) in real.ops.iter().enumerate() {
        let wrong = || ModelError::Inconsistent { place: format!("operation {position}") };
        known += check_op(real, op, known, position)?.ok_or_else(wrong)?;
    }
    let (weights, bias) = &real.output_weights;
    if weights.len() != real.output.len() || real.output.iter().any(|&v| v >= known) {
        return Err(ModelError::Inconsistent { place: "output".to_owned() });
    }
    finite(&|| "output".to_owned(), weights.iter().chain([bias]))
}

/// Values that an operation gives; `None` when it reads what is not there.
fn check_op(
    real: &RealProgram,
    op: &RealOp,
    known: usize,
    position: usize,
) -> Result<Option<usize>, ModelError> {
    Ok(match op {
        RealOp::Linear { matrix, columns, .. } => {
            let Some(matrix) = real.matrices.get(*matrix) else { return Ok(None) };
            let reads =
                |column: &Vec<usize>| column.len() == matrix.inputs && column.iter().all(|&v| v < known);
            columns.iter().all(reads).then_some(columns.len() * matrix.biases.len())
        }
        RealOp::Product { pairs } => pairs.as_flattened().iter().all(|&v| v < known).then_some(pairs.len()),
        RealOp::Function { values, .. } => values.iter().all(|&v| v < known).then_some(values.len()),
        RealOp::Ensemble { features, trees } => {
            if features.iter().any(|&v| v >= known) {
                return Ok(None);
            }
            if features.iter().any(|&v| v >= real.inputs) {
                return Err(ModelError::Unrepresentable {
                    layer: position,
                    channel: 0,
                    reason: "trees can compare inputs of the model only",
                });
            }
            let nodes = trees.iter().flatten();
            let inside = nodes.clone().all(|node| match node {
                RealNode::Inner { feature, .. } => *feature < features.len(),
                RealNode::Leaf(_) => true,
            });
            finite(
                &|| format!("trees of operation {position}"),
                nodes.map(|node| match node {
                    RealNode::Inner { threshold, .. } => threshold,
                    RealNode::Leaf(value) => value,
                }),
            )?;
            inside.then_some(1)
        }
    })
}

fn finite<'a>(
    place: &dyn Fn() -> String,
    mut numbers: impl Iterator<Item = &'a f64>,
) -> Result<(), ModelError> {
    match numbers.position(|x| !x.is_finite()) {
        Some(index) => Err(ModelError::NotFinite { value: place(), index }),
        None => Ok(()),
    }
}
