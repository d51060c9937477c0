//! Recurrent layers, step after step, with one matrix for all of them.

use super::{
    Operands,
    affine::{self, Matrix},
    builder::Builder,
    element::Element,
    elementwise::hyperbolic,
    tensor::Symbolic,
};
use crate::{
    ModelError, RealActivation,
    import::{Cell, Gate, Kind, Node, Recurrent},
    program::Function,
};

/// Sizes of a layer.
struct Sizes {
    batch: usize,
    inputs: usize,
    hidden: usize,
    gates: usize,
}

/// The constants of one direction: `W` and `R` as rows, and both biases.
struct Weights<'a> {
    input: &'a [f64],
    recurrent: &'a [f64],
    bias: &'a [f64],
}

/// The layer's outputs: all states, the last one, and the last cell's.
pub(super) fn recurrent(
    b: &mut Builder,
    node: &Node,
    operands: Operands<'_>,
    layer: &Recurrent,
) -> Result<Vec<Symbolic>, ModelError> {
    let [Some(x), Some(w), Some(r), rest @ ..] = operands else { return Err(node.misused()) };
    let [first, second, inputs] = x.dims.as_slice() else {
        return Err(node.dimensions(&x.dims, "[steps, batch, inputs]"));
    };
    let (steps, batch) = if layer.batch_first { (*second, *first) } else { (*first, *second) };
    let gates = match layer.cell {
        Cell::Rnn => 1,
        Cell::Gru { .. } => 3,
        Cell::Lstm { .. } => 4,
    };
    let s = Sizes { batch, inputs: *inputs, hidden: layer.hidden, gates };
    let count = layer.directions.len();
    let height = s.gates * s.hidden;
    let constants = |t: &Symbolic, expected: usize| {
        let data = t.constants().map(<[f64]>::to_vec);
        data.filter(|d| d.len() == expected).ok_or_else(|| {
            node.dimensions(&t.dims, "constant weights [directions, gates * hidden, inputs or hidden]")
        })
    };
    let (w, r) = (constants(w, count * height * s.inputs)?, constants(r, count * height * s.hidden)?);
    let bias = match rest.first() {
        Some(Some(bias)) => constants(bias, count * 2 * height)?,
        _ => vec![0.0; count * 2 * height],
    };
    check_lengths(node, rest.get(1), steps)?;
    if let Some(Some(_)) = rest.get(4) {
        return Err(node.form("peepholes", "LSTM without peepholes"));
    }
    let initial = |at: usize| initial_states(node, rest.get(at), layer, &s);
    let (h0, c0) = (initial(2)?, initial(3)?);
    let x = x.elements();
    let at = |step: usize, sample: usize| {
        if layer.batch_first { sample * steps + step } else { step * batch + sample }
    };

    node.count(&[steps, count, batch, s.hidden])?;
    let mut all = vec![Element::Constant(0.0); steps * count * batch * s.hidden];
    let mut last = [vec![], vec![]];
    for (direction, (backwards, activations)) in layer.directions.iter().enumerate() {
        let weights = Weights {
            input: &w[direction * height * s.inputs..][..height * s.inputs],
            recurrent: &r[direction * height * s.hidden..][..height * s.hidden],
            bias: &bias[direction * 2 * height..][..2 * height],
        };
        let mut cell = CellState::new(b, layer.cell, activations, &s, &weights)?;
        let column = |p: usize| x[p * s.inputs..][..s.inputs].to_vec();
        let columns = (0..steps * batch).map(|p| column(at(p / batch, p % batch))).collect();
        let products = affine::apply(b, &cell.input, columns)?;
        for sample in 0..batch {
            let from = (direction * batch + sample) * s.hidden;
            let mut h = h0[from..from + s.hidden].to_vec();
            let mut c = c0[from..from + s.hidden].to_vec();
            for turn in 0..steps {
                let step = if *backwards { steps - 1 - turn } else { turn };
                h = b.realise(&h, RealActivation::Identity)?;
                (h, c) = cell.step(b, &products[step * batch + sample], &h, &c)?;
                let place = if layer.batch_first {
                    (sample * steps + step) * count + direction
                } else {
                    (step * count + direction) * batch + sample
                };
                all[place * s.hidden..][..s.hidden].clone_from_slice(&h);
            }
            last[0].push((sample, direction, h));
            last[1].push((sample, direction, c));
        }
    }
    let all_dims = if layer.batch_first {
        vec![batch, steps, count, s.hidden]
    } else {
        vec![steps, count, batch, s.hidden]
    };
    let mut outputs = vec![Symbolic::new(all_dims, Kind::Float, all)];
    for mut states in last {
        let dims =
            if layer.batch_first { vec![batch, count, s.hidden] } else { vec![count, batch, s.hidden] };
        states.sort_by_key(
            |(sample, direction, _)| {
                if layer.batch_first { (*sample, *direction) } else { (*direction, *sample) }
            },
        );
        let elements = states.into_iter().flat_map(|(_, _, state)| state).collect();
        outputs.push(Symbolic::new(dims, Kind::Float, elements));
    }
    Ok(outputs)
}

/// Every sequence has all steps.
fn check_lengths(node: &Node, lengths: Option<&Option<Symbolic>>, steps: usize) -> Result<(), ModelError> {
    let Some(Some(lengths)) = lengths else { return Ok(()) };
    match lengths.constants() {
        Some(lengths) if lengths.iter().all(|&l| l == steps as f64) => Ok(()),
        _ => Err(node.form("sequences of different lengths", "a fixed length")),
    }
}

/// Initial states by direction and sample; zeros where they are left out.
fn initial_states(
    node: &Node,
    given: Option<&Option<Symbolic>>,
    layer: &Recurrent,
    s: &Sizes,
) -> Result<Vec<Element>, ModelError> {
    let count = layer.directions.len();
    let size = count * s.batch * s.hidden;
    let Some(Some(given)) = given else { return Ok(vec![Element::Constant(0.0); size]) };
    if given.len() != size {
        return Err(node.dimensions(&given.dims, "an initial state [directions, batch, hidden]"));
    }
    let elements = given.elements();
    let place = |p: usize| {
        let (direction, sample, unit) = (p / s.hidden / s.batch, p / s.hidden % s.batch, p % s.hidden);
        if layer.batch_first { (sample * count + direction) * s.hidden + unit } else { p }
    };
    Ok((0..size).map(|p| elements[place(p)].clone()).collect())
}

/// One direction's matrices.
struct CellState<'a> {
    kind: Cell,
    activations: &'a [Gate],
    hidden: usize,
    /// All gates' input products; with the recurrent biases where they only add.
    input: Matrix,
    /// The gates whose recurrent product is of the state itself.
    recurrent: Matrix,
    /// A GRU's third gate.
    candidate: Matrix,
}

impl<'a> CellState<'a> {
    fn new(
        b: &mut Builder,
        kind: Cell,
        activations: &'a [Gate],
        s: &Sizes,
        weights: &Weights<'_>,
    ) -> Result<Self, ModelError> {
        let (n, height) = (s.hidden, s.gates * s.hidden);
        // The candidate's recurrent bias is reset with its product.
        let own = |row: usize| matches!(kind, Cell::Gru { linear_before_reset: true }) && row >= 2 * n;
        let bias = |row: usize| weights.bias[row] + if own(row) { 0.0 } else { weights.bias[height + row] };
        let split = if matches!(kind, Cell::Gru { .. }) { 2 * n } else { height };
        let own_bias = |row: usize| if own(row) { weights.bias[height + row] } else { 0.0 };
        let input = Matrix::new(
            b,
            [height, s.inputs],
            |row, column| weights.input[row * s.inputs + column],
            (0..height).map(bias).collect(),
        )?;
        let recurrent = |row: usize, column: usize| weights.recurrent[row * n + column];
        let state = Matrix::new(b, [split, n], recurrent, vec![0.0; split])?;
        let candidate = Matrix::new(
            b,
            [height - split, n],
            |row, column| recurrent(split + row, column),
            (split..height).map(own_bias).collect(),
        )?;
        Ok(Self { kind, activations, hidden: n, input, recurrent: state, candidate })
    }

    fn gate(&self, b: &mut Builder, at: usize, x: &[Element]) -> Result<Vec<Element>, ModelError> {
        match self.activations.get(at) {
            Some(Gate::Sigmoid) | None => b.function(Function::Sigmoid, x),
            Some(Gate::Tanh) => hyperbolic(b, x),
            Some(Gate::Relu) => b.relu(x),
        }
    }

    /// The next state and cell.
    fn step(
        &mut self,
        b: &mut Builder,
        products: &[Element],
        h: &[Element],
        c: &[Element],
    ) -> Result<(Vec<Element>, Vec<Element>), ModelError> {
        let n = self.hidden;
        let state =
            affine::apply(b, &self.recurrent, vec![h.to_vec()])?.into_iter().next().unwrap_or_default();
        let sums = b.plus(products.get(..state.len()).unwrap_or_default(), &state)?;
        match self.kind {
            Cell::Rnn => Ok((self.gate(b, 0, &sums)?, c.to_vec())),
            Cell::Gru { linear_before_reset } => {
                let gates = self.gate(b, 0, &sums)?;
                let (update, reset) = gates.split_at(n);
                let reset_product = if linear_before_reset {
                    let product = affine::apply(b, &self.candidate, vec![h.to_vec()])?.concat();
                    b.times(reset, &product)?
                } else {
                    let kept = b.times(reset, h)?;
                    affine::apply(b, &self.candidate, vec![kept])?.concat()
                };
                let sums = b.plus(&products[2 * n..], &reset_product)?;
                let candidate = self.gate(b, 1, &sums)?;
                // (1 − z)·n + z·h = n + z·(h − n).
                let difference = b.minus(h, &candidate)?;
                let moved = b.times(update, &difference)?;
                Ok((b.plus(&candidate, &moved)?, c.to_vec()))
            }
            Cell::Lstm { input_forget } => {
                let block = |k: usize| sums[k * n..(k + 1) * n].to_vec();
                let gated: Vec<Element> = [block(0), block(1), block(2)].concat();
                let gates = self.gate(b, 0, &gated)?;
                let (input, output) = (&gates[..n], &gates[n..2 * n]);
                let forget: Vec<Element> = if input_forget {
                    input.iter().map(|e| e.affine(-1.0, 1.0)).collect()
                } else {
                    gates[2 * n..].to_vec()
                };
                let proposal = self.gate(b, 1, &block(3))?;
                let (kept, added) = (b.times(&forget, c)?, b.times(input, &proposal)?);
                let cell = b.plus(&kept, &added)?;
                // tanh reads twice the cell, so that this is the value which the cell becomes.
                let doubled: Vec<Element> = cell.iter().map(|e| e.affine(2.0, 0.0)).collect();
                let doubled = b.realise(&doubled, RealActivation::Identity)?;
                let cell: Vec<Element> = doubled.iter().map(|e| e.affine(0.5, 0.0)).collect();
                let squashed = self.gate(b, 2, &cell)?;
                Ok((b.times(output, &squashed)?, cell))
            }
        }
    }
}
