//! A dense ReLU network in floating point: what lowering yields, and what the integer model is compared with.

/// One dense layer `y = W·x + b`.
#[derive(Clone, PartialEq)]
pub struct FloatLayer {
    /// Number of inputs, at least 1.
    pub inputs: usize,
    /// Weights, row by row, one row for each output.
    pub weights: Vec<f64>,
    /// Biases, one for each output.
    pub biases: Vec<f64>,
}

impl FloatLayer {
    /// Rows of weights, each with its bias.
    pub fn rows(&self) -> impl Iterator<Item = (&[f64], f64)> {
        self.weights.chunks_exact(self.inputs.max(1)).zip(self.biases.iter().copied())
    }

    /// The layer's outputs.
    pub fn apply(&self, values: &[f64]) -> Vec<f64> {
        self.rows()
            .map(|(row, bias)| row.iter().zip(values).map(|(w, v)| w * v).sum::<f64>() + bias)
            .collect()
    }
}

impl std::fmt::Debug for FloatLayer {
    /// Shows the counts, never the weights.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FloatLayer({} to {})", self.inputs, self.biases.len())
    }
}

/// A network of dense layers with ReLU between them and one output. Weights are the file's float32 values; sums are in
/// float64, so that the reference is closer to the real number than either the integers or a float32 runtime.
#[derive(Clone, Debug, PartialEq)]
pub struct FloatNetwork {
    /// Layers, first to last; at least one, each reading what the one before writes, the last with one output.
    pub layers: Vec<FloatLayer>,
}

impl FloatNetwork {
    /// Number of inputs.
    pub fn inputs(&self) -> usize {
        self.layers.first().map_or(0, |l| l.inputs)
    }

    /// Widths of the hidden layers.
    pub fn hidden(&self) -> Vec<usize> {
        let last = self.layers.len().saturating_sub(1);
        self.layers.iter().take(last).map(|l| l.biases.len()).collect()
    }

    /// Values before each ReLU, layer by layer, the output last.
    pub fn trace(&self, inputs: &[f64]) -> Vec<Vec<f64>> {
        let mut traces: Vec<Vec<f64>> = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            let outputs = match traces.last() {
                None => layer.apply(inputs),
                Some(before) => layer.apply(&before.iter().map(|v| v.max(0.0)).collect::<Vec<_>>()),
            };
            traces.push(outputs);
        }
        traces
    }

    /// The output.
    pub fn evaluate(&self, inputs: &[f64]) -> f64 {
        self.trace(inputs).last().and_then(|o| o.first().copied()).unwrap_or(0.0)
    }
}

impl From<&FloatNetwork> for crate::RealProgram {
    /// The hidden layers as maps with ReLU, the last as the output.
    fn from(network: &FloatNetwork) -> Self {
        use crate::real::{RealActivation, RealMatrix, RealOp};
        let (mut matrices, mut ops) = (Vec::new(), Vec::new());
        let mut values: Vec<usize> = (0..network.inputs()).collect();
        let mut next = network.inputs();
        let mut output_weights = (Vec::new(), 0.0);
        for (matrix, layer) in network.layers.iter().enumerate() {
            let FloatLayer { inputs, weights, biases } = layer.clone();
            if matrix + 1 == network.layers.len() {
                output_weights = (weights, biases.first().copied().unwrap_or(0.0));
                break;
            }
            let rows = biases.len();
            matrices.push(RealMatrix { inputs, weights, biases });
            let columns = vec![std::mem::replace(&mut values, (next..next + rows).collect())];
            ops.push(RealOp::Linear { matrix, columns, activation: RealActivation::Relu });
            next += rows;
        }
        Self { inputs: network.inputs(), matrices, ops, output: values, output_weights }
    }
}
