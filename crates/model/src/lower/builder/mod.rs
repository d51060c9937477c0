//! The program while it grows: interned rows and columns, values that exist already, and bounds on all of it.

mod realise;
mod rows;

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

use super::element::Element;
use crate::{
    ModelError, RealActivation, RealFunction, RealMatrix, RealNode, RealOp, RealProgram, exact,
    program::{Function, MAX_VALUES, ValueId},
};
use rows::{LinearKey, Row, RowKey, Union};

/// Most elementary steps that lowering a graph may take; a small file can ask for many.
const MAX_WORK: usize = 1 << 28;
/// Most weights in rows that exist at once.
const MAX_WEIGHTS: usize = 1 << 23;

/// Most elements that an operation reads or writes at once.
const MAX_LIST: usize = 1 << 22;
/// Most elements of all tensors.
const MAX_KEPT: usize = 1 << 23;

/// Builds a program.
pub(in crate::lower) struct Builder {
    /// Name of the node that is lowered, for errors.
    pub node: String,
    program: RealProgram,
    origins: Vec<Origin>,
    rows: HashSet<Row>,
    columns: HashSet<Rc<[ValueId]>>,
    unions: HashMap<[usize; 2], Rc<Union>>,
    linear: HashMap<LinearKey, ValueId>,
    matrices: HashMap<(Vec<RowKey>, u8), usize>,
    functions: HashMap<(RealFunction, ValueId), ValueId>,
    products: HashMap<[ValueId; 2], ValueId>,
    constants: HashMap<u64, ValueId>,
    work: usize,
    weights: usize,
    kept: usize,
}

/// What gave a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// An input, a map or trees: any number.
    Any,
    /// A ReLU: not negative.
    Positive,
    /// A step, or a function with values in `[0, 1]` or `[−1, 1]`.
    Unit,
}

impl Builder {
    pub(in crate::lower) fn new(inputs: usize) -> Self {
        let program = RealProgram {
            inputs,
            matrices: vec![],
            ops: vec![],
            output: vec![],
            output_weights: (vec![], 0.0),
        };
        Self {
            node: String::new(),
            program,
            origins: vec![Origin::Any; inputs],
            rows: HashSet::new(),
            columns: HashSet::new(),
            unions: HashMap::new(),
            linear: HashMap::new(),
            matrices: HashMap::new(),
            functions: HashMap::new(),
            products: HashMap::new(),
            constants: HashMap::new(),
            work: 0,
            weights: 0,
            kept: 0,
        }
    }

    /// Counts work.
    ///
    /// # Errors
    /// When the bound is passed.
    pub(in crate::lower) fn spend(&mut self, work: usize) -> Result<(), ModelError> {
        self.work = self.work.saturating_add(work);
        if self.work > MAX_WORK {
            return Err(ModelError::TooLarge {
                what: "work to lower the graph",
                got: self.work,
                limit: MAX_WORK,
            });
        }
        Ok(())
    }

    /// Bounds a list that exists for a while.
    ///
    /// # Errors
    /// When it is too long.
    pub(in crate::lower) fn allot(&mut self, count: usize) -> Result<(), ModelError> {
        self.spend(count)?;
        if count > MAX_LIST {
            return Err(ModelError::TooLarge {
                what: "elements of an operation",
                got: count,
                limit: MAX_LIST,
            });
        }
        Ok(())
    }

    /// Bounds the tensors that exist.
    ///
    /// # Errors
    /// When they have too many elements together.
    pub(in crate::lower) fn keep(&mut self, elements: usize) -> Result<(), ModelError> {
        self.kept = self.kept.saturating_add(elements);
        if self.kept > MAX_KEPT {
            return Err(ModelError::TooLarge {
                what: "elements of all tensors",
                got: self.kept,
                limit: MAX_KEPT,
            });
        }
        Ok(())
    }

    fn not_finite(&self, index: usize) -> ModelError {
        ModelError::NotFinite { value: self.node.clone(), index }
    }

    fn give(&mut self, origin: Origin) -> Result<ValueId, ModelError> {
        self.origins.push(origin);
        if self.origins.len() > MAX_VALUES {
            return Err(ModelError::TooLarge { what: "values", got: self.origins.len(), limit: MAX_VALUES });
        }
        Ok(self.origins.len() - 1)
    }

    /// A value that is always `c`, for places where an element must be a value.
    pub(in crate::lower) fn constant_value(&mut self, c: f64) -> Result<Element, ModelError> {
        if let Some(&known) = self.constants.get(&c.to_bits()) {
            return Ok(Element::value(known));
        }
        self.program.matrices.push(RealMatrix { inputs: 1, weights: vec![0.0], biases: vec![c] });
        let matrix = self.program.matrices.len() - 1;
        let activation = RealActivation::Identity;
        self.program.ops.push(RealOp::Linear { matrix, columns: vec![vec![0]], activation });
        let value = self.give(Origin::Any)?;
        self.constants.insert(c.to_bits(), value);
        Ok(Element::value(value))
    }

    /// A function of each element.
    pub(in crate::lower) fn function(
        &mut self,
        function: RealFunction,
        elements: &[Element],
    ) -> Result<Vec<Element>, ModelError> {
        let arguments = self.realise(elements, RealActivation::Identity)?;
        let mut results = Vec::with_capacity(arguments.len());
        let mut values = vec![];
        for (position, argument) in arguments.iter().enumerate() {
            let Some(value) = argument.plain() else {
                let result = exact(function, argument.constant().unwrap_or(0.0));
                if !result.is_finite() {
                    return Err(self.not_finite(position));
                }
                results.push(Element::Constant(result));
                continue;
            };
            let known = match self.functions.get(&(function, value)) {
                Some(&known) => known,
                None => {
                    let bounded = matches!(function, Function::Sigmoid | Function::Erf);
                    let given = self.give(if bounded { Origin::Unit } else { Origin::Any })?;
                    self.functions.insert((function, value), given);
                    values.push(value);
                    given
                }
            };
            results.push(Element::value(known));
        }
        if !values.is_empty() {
            self.program.ops.push(RealOp::Function { function, values });
        }
        Ok(results)
    }

    /// A product of each pair.
    pub(in crate::lower) fn product(&mut self, pairs: &[[Element; 2]]) -> Result<Vec<Element>, ModelError> {
        // A factor with a constant is multiplied out where the value is small, and becomes a value of its own elsewhere:
        // the constant may cancel a large part of it.
        let mut factors: Vec<Element> = pairs.as_flattened().to_vec();
        let simple = |e: &Element, origins: &[Origin]| match e {
            Element::Constant(_) => true,
            Element::Scaled { value, constant, .. } => {
                *constant == 0.0 || origins.get(*value) == Some(&Origin::Unit)
            }
            Element::Sum { .. } => false,
        };
        let mut complex = vec![];
        for pair in pairs.iter().enumerate().filter(|(_, p)| p.iter().all(|e| e.constant().is_none())) {
            let both = pair.1.iter().enumerate().filter(|(_, e)| !simple(e, &self.origins));
            complex.extend(both.map(|(side, _)| 2 * pair.0 + side));
        }
        let chosen: Vec<Element> = complex.iter().map(|&i| factors[i].clone()).collect();
        for (place, value) in complex.iter().zip(self.realise(&chosen, RealActivation::Identity)?) {
            factors[*place] = value;
        }
        let mut values = vec![];
        let mut results = Vec::with_capacity(pairs.len());
        for pair in factors.as_chunks::<2>().0 {
            results.push(self.one_product(pair, &mut values)?);
        }
        if !values.is_empty() {
            self.program.ops.push(RealOp::Product { pairs: values });
        }
        Ok(results)
    }

    fn one_product(
        &mut self,
        pair: &[Element; 2],
        values: &mut Vec<[ValueId; 2]>,
    ) -> Result<Element, ModelError> {
        match pair {
            [Element::Constant(c), x] | [x, Element::Constant(c)] => Ok(x.affine(*c, 0.0)),
            [
                Element::Scaled { value: a, factor: fa, constant: ca },
                Element::Scaled { value: b, factor: fb, constant: cb },
            ] => {
                let key = [*a.min(b), *a.max(b)];
                let value = match self.products.get(&key) {
                    Some(&known) => known,
                    None => {
                        let given = self.give(Origin::Any)?;
                        self.products.insert(key, given);
                        values.push(key);
                        given
                    }
                };
                let (mut column, mut weights) = (vec![value], vec![fa * fb]);
                for (v, w) in [(*a, fa * cb), (*b, fb * ca)] {
                    if w != 0.0 {
                        column.push(v);
                        weights.push(w);
                    }
                }
                self.gathered(column, weights, ca * cb, 0)
            }
            _ => Err(ModelError::Operands { node: self.node.clone(), op: "product".to_owned() }),
        }
    }

    /// The sum of trees' leaves.
    pub(in crate::lower) fn ensemble(
        &mut self,
        features: Vec<ValueId>,
        trees: Vec<Vec<RealNode>>,
    ) -> Result<Element, ModelError> {
        self.program.ops.push(RealOp::Ensemble { features, trees });
        Ok(Element::value(self.give(Origin::Any)?))
    }

    /// Whether a value is an input of the network.
    pub(in crate::lower) const fn is_input(&self, value: ValueId) -> bool {
        value < self.program.inputs
    }

    /// The program with the element as its output.
    pub(in crate::lower) fn finish(mut self, output: &Element) -> Result<RealProgram, ModelError> {
        if !output.is_finite() {
            return Err(self.not_finite(0));
        }
        let mut constant = output.constant().unwrap_or(0.0);
        if let Some(parts) = self.parts(output)? {
            constant = parts.constant;
            self.program.output = parts.column.to_vec();
            self.program.output_weights.0 = parts.weights().collect();
        }
        self.program.output_weights.1 = constant;
        if let Some(index) = self.program.output_weights.0.iter().position(|w| !w.is_finite()) {
            return Err(self.not_finite(index));
        }
        Ok(self.program)
    }
}
