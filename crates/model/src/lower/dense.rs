//! Dense networks with ReLU between their layers, as they are quantised so far.

use super::{OutputChoice, lower_real};
use crate::{
    FloatLayer, FloatNetwork, ModelError, RealActivation, RealOp, RealProgram,
    import::Graph,
    integer::{MAX_LAYERS, MAX_WIDTH},
    program::ValueId,
};

/// Lowers a graph that is a dense network with ReLU between its layers.
///
/// # Errors
/// As [`lower_real`], and when the program is not such a chain, or too wide or deep.
pub fn lower(graph: &Graph) -> Result<FloatNetwork, ModelError> {
    let program = lower_real(graph, &OutputChoice::Single)?;
    network(&program)
        .ok_or(ModelError::Missing { what: "chain of dense layers with ReLU between them" })
        .and_then(|network| {
            let widest = network.layers.iter().map(|l| l.inputs.max(l.biases.len())).max().unwrap_or(0);
            for (what, got, limit) in
                [("layers", network.layers.len(), MAX_LAYERS), ("width of a layer", widest, MAX_WIDTH)]
            {
                if got > limit {
                    return Err(ModelError::TooLarge { what, got, limit });
                }
            }
            Ok(network)
        })
}

fn network(program: &RealProgram) -> Option<FloatNetwork> {
    let mut before: Vec<ValueId> = (0..program.inputs).collect();
    let mut next = program.inputs;
    let mut layers = vec![];
    for op in &program.ops {
        let RealOp::Linear { matrix, columns, activation: RealActivation::Relu } = op else { return None };
        let [column] = columns.as_slice() else { return None };
        let matrix = program.matrices.get(*matrix)?;
        layers.push(layer(&before, column, &matrix.weights, &matrix.biases)?);
        before = (next..next + matrix.biases.len()).collect();
        next += matrix.biases.len();
    }
    let (weights, bias) = &program.output_weights;
    layers.push(layer(&before, &program.output, weights, &[*bias])?);
    Some(FloatNetwork { layers })
}

/// A layer that reads all values before it, for rows that read some of them.
fn layer(before: &[ValueId], column: &[ValueId], weights: &[f64], biases: &[f64]) -> Option<FloatLayer> {
    let first = *before.first()?;
    let mut all = vec![0.0; before.len() * biases.len()];
    for (row, weights) in weights.chunks_exact(column.len().max(1)).enumerate() {
        for (&value, weight) in column.iter().zip(weights) {
            let place = value.checked_sub(first).filter(|&p| p < before.len())?;
            *all.get_mut(row * before.len() + place)? += weight;
        }
    }
    Some(FloatLayer { inputs: before.len(), weights: all, biases: biases.to_vec() })
}
