//! The program while it grows: interned rows and columns, values that exist already, and bounds on all of it.

use std::{
    collections::{HashMap, HashSet},
    hash::{Hash, Hasher},
    rc::Rc,
};

use super::element::Element;
use crate::{
    ModelError, RealActivation, RealFunction, RealMatrix, RealNode, RealOp, RealProgram, exact,
    program::{Function, MAX_VALUES, ValueId},
};

/// Most elementary steps that lowering a graph may take; a small file can ask for many.
const MAX_WORK: usize = 1 << 28;
/// Most weights in rows that exist at once.
const MAX_WEIGHTS: usize = 1 << 23;

/// Most elements that an operation reads or writes at once.
const MAX_LIST: usize = 1 << 22;
/// Most elements of all tensors.
const MAX_KEPT: usize = 1 << 23;

/// Builds a program.
pub(super) struct Builder {
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

/// Weights compared bit by bit, and where they come from: two units of a layer that happen to have equal weights stay two
/// rows, so that the shape of a program does not depend on what was trained.
#[derive(Clone)]
struct Row(Rc<[f64]>, [usize; 2]);

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        self.1 == other.1
            && self.0.len() == other.0.len()
            && self.0.iter().zip(&*other.0).all(|(a, b)| a.to_bits() == b.to_bits())
    }
}

impl Eq for Row {}

impl Hash for Row {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.1.hash(state);
        self.0.iter().for_each(|w| w.to_bits().hash(state));
    }
}

/// An interned row's address, its factor and its constant.
type RowKey = [u64; 3];
/// A [`RowKey`], the column's address and the activation.
type LinearKey = (RowKey, usize, u8);

/// A column that holds two others: the first as its beginning.
struct Union {
    column: Rc<[ValueId]>,
    /// Where the second's values are.
    places: Vec<usize>,
}

/// The parts of an element that is no constant.
struct Parts {
    row: Rc<[f64]>,
    column: Rc<[ValueId]>,
    factor: f64,
    constant: f64,
}

impl Parts {
    fn key(&self) -> RowKey {
        [self.row.as_ptr().addr() as u64, self.factor.to_bits(), self.constant.to_bits()]
    }

    fn weights(&self) -> impl Iterator<Item = f64> {
        self.row.iter().map(|w| w * self.factor)
    }
}

/// Applications of one matrix to different columns while they are collected.
struct Application {
    column: Rc<[ValueId]>,
    keys: Vec<RowKey>,
    rows: Vec<Parts>,
}

impl Builder {
    pub(super) fn new(inputs: usize) -> Self {
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
    pub(super) fn spend(&mut self, work: usize) -> Result<(), ModelError> {
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
    pub(super) fn allot(&mut self, count: usize) -> Result<(), ModelError> {
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
    pub(super) fn keep(&mut self, elements: usize) -> Result<(), ModelError> {
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

    /// The interned row with these weights, of which a second kind would have another origin.
    pub(super) fn row(&mut self, weights: Vec<f64>, origin: [usize; 2]) -> Result<Rc<[f64]>, ModelError> {
        self.spend(weights.len())?;
        if let Some(index) = weights.iter().position(|w| !w.is_finite()) {
            return Err(self.not_finite(index));
        }
        let row = Row(weights.into(), origin);
        if let Some(known) = self.rows.get(&row) {
            return Ok(known.0.clone());
        }
        self.weights += row.0.len();
        if self.weights > MAX_WEIGHTS {
            return Err(ModelError::TooLarge { what: "weights", got: self.weights, limit: MAX_WEIGHTS });
        }
        self.rows.insert(row.clone());
        Ok(row.0)
    }

    /// The interned column of these values.
    pub(super) fn column(&mut self, values: Vec<ValueId>) -> Result<Rc<[ValueId]>, ModelError> {
        self.spend(values.len())?;
        if let Some(known) = self.columns.get(values.as_slice()) {
            return Ok(known.clone());
        }
        self.weights += values.len();
        let column: Rc<[ValueId]> = values.into();
        self.columns.insert(column.clone());
        Ok(column)
    }

    fn parts(&mut self, element: &Element) -> Result<Option<Parts>, ModelError> {
        Ok(match element {
            Element::Constant(_) => None,
            Element::Scaled { value, factor, constant } => {
                let (row, column) = (self.row(vec![1.0], [0; 2])?, self.column(vec![*value])?);
                Some(Parts { row, column, factor: *factor, constant: *constant })
            }
            Element::Sum { row, column, factor, constant } => {
                Some(Parts { row: row.clone(), column: column.clone(), factor: *factor, constant: *constant })
            }
        })
    }

    fn union(&mut self, a: &Rc<[ValueId]>, b: &Rc<[ValueId]>) -> Result<Rc<Union>, ModelError> {
        let key = [a.as_ptr().addr(), b.as_ptr().addr()];
        if let Some(known) = self.unions.get(&key) {
            return Ok(known.clone());
        }
        let mut column = a.to_vec();
        let mut place: HashMap<ValueId, usize> = HashMap::new();
        for (position, value) in column.iter().enumerate() {
            place.entry(*value).or_insert(position);
        }
        let places = b
            .iter()
            .map(|value| {
                *place.entry(*value).or_insert_with(|| {
                    column.push(*value);
                    column.len() - 1
                })
            })
            .collect();
        let union = Rc::new(Union { column: self.column(column)?, places });
        self.unions.insert(key, union.clone());
        Ok(union)
    }

    /// `a + b`.
    pub(super) fn add(&mut self, a: &Element, b: &Element) -> Result<Element, ModelError> {
        if let Some(c) = b.constant() {
            return Ok(a.affine(1.0, c));
        }
        if let Some(c) = a.constant() {
            return Ok(b.affine(1.0, c));
        }
        if let (
            Element::Scaled { value, factor, constant },
            Element::Scaled { value: other, factor: f, constant: c },
        ) = (a, b)
            && value == other
        {
            let (factor, constant) = (factor + f, constant + c);
            let zero = factor == 0.0;
            return Ok(if zero {
                Element::Constant(constant)
            } else {
                Element::Scaled { value: *value, factor, constant }
            });
        }
        let (Some(mut a), Some(mut b)) = (self.parts(a)?, self.parts(b)?) else {
            return Ok(Element::Constant(0.0));
        };
        if a.column.len() < b.column.len() {
            std::mem::swap(&mut a, &mut b);
        }
        let union = self.union(&a.column, &b.column)?;
        let mut weights: Vec<f64> = a.weights().collect();
        weights.resize(union.column.len(), 0.0);
        for (place, weight) in union.places.iter().zip(b.weights()) {
            if let Some(w) = weights.get_mut(*place) {
                *w += weight;
            }
        }
        let constant = a.constant + b.constant;
        let origin = [a.row.as_ptr().addr(), b.row.as_ptr().addr()];
        Ok(Element::Sum {
            row: self.row(weights, origin)?,
            column: union.column.clone(),
            factor: 1.0,
            constant,
        })
    }

    /// The sum of elements: the constants and the values' terms gathered once.
    pub(super) fn sum(&mut self, elements: &[Element]) -> Result<Element, ModelError> {
        let (mut column, mut weights, mut constant) = (vec![], vec![], 0.0);
        let mut place: HashMap<ValueId, usize> = HashMap::new();
        let mut put = |value: ValueId, weight: f64| {
            let position = *place.entry(value).or_insert_with(|| {
                column.push(value);
                weights.push(0.0);
                column.len() - 1
            });
            weights[position] += weight;
        };
        for element in elements {
            self.spend(1 + element.terms())?;
            match element {
                Element::Constant(c) => constant += c,
                Element::Scaled { value, factor, constant: c } => {
                    constant += c;
                    put(*value, *factor);
                }
                Element::Sum { row, column, factor, constant: c } => {
                    constant += c;
                    column.iter().zip(&**row).for_each(|(v, w)| put(*v, w * factor));
                }
            }
        }
        self.gathered(column, weights, constant, 0)
    }

    /// The element `Σ weights_k · column_k + constant`.
    pub(super) fn gathered(
        &mut self,
        column: Vec<ValueId>,
        weights: Vec<f64>,
        constant: f64,
        origin: usize,
    ) -> Result<Element, ModelError> {
        Ok(match (column.as_slice(), weights.as_slice()) {
            ([], _) => Element::Constant(constant),
            ([value], [factor]) => Element::Scaled { value: *value, factor: *factor, constant },
            _ => Element::Sum {
                row: self.row(weights, [origin, 0])?,
                column: self.column(column)?,
                factor: 1.0,
                constant,
            },
        })
    }

    /// Whether an activation leaves the element as it is.
    fn passes(&self, element: &Element, activation: RealActivation) -> bool {
        match (activation, element) {
            (RealActivation::Identity, _) => element.plain().is_some(),
            (RealActivation::Relu, Element::Scaled { value, .. }) => {
                element.plain().is_some() && self.origins.get(*value) == Some(&Origin::Positive)
            }
            _ => false,
        }
    }

    /// Makes values of the elements under an activation: constants stay constants, others become plain values.
    pub(super) fn realise(
        &mut self,
        elements: &[Element],
        activation: RealActivation,
    ) -> Result<Vec<Element>, ModelError> {
        let mut results = Vec::with_capacity(elements.len());
        let mut waiting = vec![];
        let mut queued = HashSet::new();
        let mut applications: Vec<Application> = vec![];
        let mut by_column: HashMap<usize, usize> = HashMap::new();
        for (position, element) in elements.iter().enumerate() {
            self.spend(1)?;
            if !element.is_finite() {
                return Err(self.not_finite(position));
            }
            if self.passes(element, activation) {
                results.push(element.clone());
                continue;
            }
            let Some(parts) = self.parts(element)? else {
                results.push(Element::Constant(activation.apply(element.constant().unwrap_or(0.0))));
                continue;
            };
            let column = parts.column.as_ptr().addr();
            let key = (parts.key(), column, activation as u8);
            waiting.push((position, key));
            results.push(Element::Constant(0.0));
            if self.linear.contains_key(&key) || !queued.insert(key) {
                continue;
            }
            let at = *by_column.entry(column).or_insert_with(|| {
                applications.push(Application { column: parts.column.clone(), keys: vec![], rows: vec![] });
                applications.len() - 1
            });
            applications[at].keys.push(parts.key());
            applications[at].rows.push(parts);
        }
        self.apply(applications, activation)?;
        for (position, key) in waiting {
            if let (Some(result), Some(&value)) = (results.get_mut(position), self.linear.get(&key)) {
                *result = Element::value(value);
            }
        }
        Ok(results)
    }

    /// Adds the operations of the applications: one for each different matrix.
    fn apply(
        &mut self,
        applications: Vec<Application>,
        activation: RealActivation,
    ) -> Result<(), ModelError> {
        let mut shared: Vec<(usize, Vec<Application>)> = vec![];
        let mut by_matrix: HashMap<usize, usize> = HashMap::new();
        for application in applications {
            let matrix = self.matrix(&application, activation)?;
            let at = *by_matrix.entry(matrix).or_insert_with(|| {
                shared.push((matrix, vec![]));
                shared.len() - 1
            });
            shared[at].1.push(application);
        }
        let origin = match activation {
            RealActivation::Identity => Origin::Any,
            RealActivation::Relu => Origin::Positive,
            RealActivation::AtLeastZero | RealActivation::AboveZero => Origin::Unit,
        };
        for (matrix, applications) in shared {
            for application in &applications {
                let column = application.column.as_ptr().addr();
                for key in &application.keys {
                    let value = self.give(origin)?;
                    self.linear.insert((*key, column, activation as u8), value);
                }
            }
            let columns = applications.iter().map(|a| a.column.to_vec()).collect();
            self.program.ops.push(RealOp::Linear { matrix, columns, activation });
        }
        Ok(())
    }

    fn matrix(&mut self, application: &Application, activation: RealActivation) -> Result<usize, ModelError> {
        let key = (application.keys.clone(), activation as u8);
        if let Some(&known) = self.matrices.get(&key) {
            return Ok(known);
        }
        let inputs = application.column.len();
        let weights: Vec<f64> = application.rows.iter().flat_map(Parts::weights).collect();
        let biases: Vec<f64> = application.rows.iter().map(|p| p.constant).collect();
        if let Some(index) = weights.iter().chain(&biases).position(|x| !x.is_finite()) {
            return Err(self.not_finite(index));
        }
        self.spend(weights.len())?;
        self.program.matrices.push(RealMatrix { inputs, weights, biases });
        self.matrices.insert(key, self.program.matrices.len() - 1);
        Ok(self.program.matrices.len() - 1)
    }

    fn give(&mut self, origin: Origin) -> Result<ValueId, ModelError> {
        self.origins.push(origin);
        if self.origins.len() > MAX_VALUES {
            return Err(ModelError::TooLarge { what: "values", got: self.origins.len(), limit: MAX_VALUES });
        }
        Ok(self.origins.len() - 1)
    }

    /// A value that is always `c`, for places where an element must be a value.
    pub(super) fn constant_value(&mut self, c: f64) -> Result<Element, ModelError> {
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
    pub(super) fn function(
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
    pub(super) fn product(&mut self, pairs: &[[Element; 2]]) -> Result<Vec<Element>, ModelError> {
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
    pub(super) fn ensemble(
        &mut self,
        features: Vec<ValueId>,
        trees: Vec<Vec<RealNode>>,
    ) -> Result<Element, ModelError> {
        self.program.ops.push(RealOp::Ensemble { features, trees });
        Ok(Element::value(self.give(Origin::Any)?))
    }

    /// Whether a value is an input of the network.
    pub(super) const fn is_input(&self, value: ValueId) -> bool {
        value < self.program.inputs
    }

    /// The program with the element as its output.
    pub(super) fn finish(mut self, output: &Element) -> Result<RealProgram, ModelError> {
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
