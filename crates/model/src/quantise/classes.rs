//! Which values of a model have to share a scale, and where each scale comes from.
//!
//! The values that one matrix reads at the same position, over its columns, share a scale, and so do the values that one of
//! its rows gives. A class of such values gets its scale from where they come from: a linear map can give any, a function
//! or a comparison has its own, a product has the product of its factors'. Where a class has two sources, its values that
//! are not linear go through one more linear map, which brings them to a common scale.

use std::collections::BTreeMap;

use super::functions::{Affine, result, top};
use super::ranges::{DOMAIN, Range, hull};
use crate::program::Function;
use crate::real::{RealActivation, RealOp};
use crate::{ModelError, RealProgram};

/// Sets that merge.
pub(super) struct UnionFind(Vec<usize>);

impl UnionFind {
    /// `n` sets of one.
    pub(super) fn new(n: usize) -> Self {
        Self((0..n).collect())
    }

    /// The set of an element.
    pub(super) fn find(&mut self, mut x: usize) -> usize {
        while self.0[x] != x {
            self.0[x] = self.0[self.0[x]];
            x = self.0[x];
        }
        x
    }

    /// Merges two sets; whether they were two.
    pub(super) fn union(&mut self, a: usize, b: usize) -> bool {
        let (a, b) = (self.find(a), self.find(b));
        self.0[a.max(b)] = a.min(b);
        a != b
    }
}

/// Values that share a scale.
#[derive(Clone, Debug)]
pub(super) struct Class {
    /// Set when all its values are arguments of this function and nothing else, and rows of matrices: these then give the
    /// table's argument at once.
    pub(super) argument_of: Option<Function>,
    /// Values that are not linear go through one more map.
    pub(super) requantise: bool,
    /// From a value of the plan to the model's.
    pub(super) affine: Affine,
    /// Where its values lie.
    pub(super) range: Range,
}

/// The classes of all values.
pub(super) struct Classes {
    of: Vec<usize>,
    classes: BTreeMap<usize, Class>,
    /// Greatest arguments of functions, by class of the argument.
    tops: BTreeMap<(usize, Function), f64>,
}

/// Bits of values of any scale: an input's are the front end's to give, and it is never a table's argument itself.
const INPUT: u32 = 0;
const RELU: u32 = 16;
const SOFTPLUS: u32 = 19;
const ROW: u32 = 20;

/// Where a value comes from.
#[derive(Clone, Copy, Debug)]
enum Producer {
    /// An input, a map's row, Softplus: any scale. With its bits.
    Free(u32),
    /// A row of zeros without activation.
    Constant,
    Bit,
    Ensemble,
    Function(Function, usize),
    Product([usize; 2]),
}

/// A source of a scale that is not free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Bit,
    Ensemble(usize),
    Function(Function),
    Product([(usize, u32); 2]),
}

/// How a value is read.
#[derive(Clone, Copy, Debug, Default)]
struct Uses {
    function: Option<Function>,
    product: bool,
    /// By a map that is not the output.
    linear: bool,
    /// As a truth value beside others, where a scale of one is too small for them.
    beside: bool,
    other: bool,
}

impl Classes {
    /// The class of a value.
    pub(super) fn class(&self, value: usize) -> &Class {
        &self.classes[&self.of[value]]
    }

    /// Identifies the class of a value.
    pub(super) fn id(&self, value: usize) -> usize {
        self.of[value]
    }

    /// Greatest argument of a function that takes this value.
    pub(super) fn top(&self, function: Function, value: usize) -> f64 {
        self.tops.get(&(self.of[value], function)).copied().unwrap_or(super::functions::STEEP_TOP)
    }

    /// Sorts the values of a model into classes.
    ///
    /// # Errors
    /// When the arguments of a function have too wide a range for its table.
    pub(super) fn new(real: &RealProgram, ranges: &[Range]) -> Result<Self, ModelError> {
        let producers = producers(real);
        let uses = uses(real, &producers);
        let of = merge(real, producers.len());
        let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (value, &class) in of.iter().enumerate() {
            members.entry(class).or_default().push(value);
        }
        let tops = tops(real, &of, ranges)?;
        let alike = alike(&members, &producers);
        let mut classes = BTreeMap::new();
        let mut products = BTreeMap::new();
        for (&id, values) in &members {
            let range = values.iter().map(|&v| ranges[v]).reduce(hull).unwrap_or_default();
            let sources =
                sources(values, &producers, |factor| alike.get(&of[factor]).copied().unwrap_or(of[factor]));
            let affine = match sources.keys().next() {
                Some(Source::Function(function)) => {
                    let argument = sources.values().next().copied().unwrap_or_default();
                    result(*function, tops.get(&(of[argument], *function)).copied().unwrap_or_default())
                }
                _ => Affine::IDENTITY,
            };
            // Values around another number than zero count from the middle of their range.
            let centred = sources.is_empty()
                && values.iter().all(|&v| {
                    matches!(producers[v], Producer::Free(INPUT | ROW) | Producer::Constant)
                        && !uses[v].product
                });
            let free = values.iter().any(|&v| matches!(producers[v], Producer::Free(_)));
            let in_product = values.iter().any(|&v| uses[v].product);
            let in_map = values.iter().any(|&v| uses[v].linear);
            let ensemble = sources.keys().any(|s| matches!(s, Source::Ensemble(_)));
            let beside = sources.contains_key(&Source::Bit) && values.iter().any(|&v| uses[v].beside);
            let requantise = sources.len() > 1
                || (free && !sources.is_empty())
                || (in_product && affine.shift != 0.0)
                || ((in_product || in_map) && ensemble)
                || beside;
            let argument_of = argument_of(values, &producers, &uses);
            let product = sources.values().next().map(|&value| producers[value]);
            if let (false, Some(Source::Product(_)), Some(Producer::Product(pair))) =
                (requantise, sources.keys().next(), product)
            {
                products.insert(id, pair.map(|factor| of[factor]));
            }
            let affine = match (requantise || argument_of.is_some(), centred) {
                (true, _) => Affine::IDENTITY,
                (false, true) => Affine { factor: 1.0, shift: 0.5 * (range[0] + range[1]) },
                (false, false) => affine,
            };
            classes.insert(id, Class { argument_of, requantise, affine, range });
        }
        order_products(&mut classes, products);
        Ok(Self { of, classes, tops })
    }
}

/// Classes whose values all have the one scale of a sigmoid or of a comparison, by the first class that is alike.
fn alike(members: &BTreeMap<usize, Vec<usize>>, producers: &[Producer]) -> BTreeMap<usize, usize> {
    let (mut sigmoid, mut bit) = (None, None);
    let mut alike = BTreeMap::new();
    for (&class, values) in members {
        let mut varying = values.iter().filter(|&&v| !matches!(producers[v], Producer::Constant)).peekable();
        if varying.peek().is_none() {
            continue;
        }
        let first =
            if varying.clone().all(|&v| matches!(producers[v], Producer::Function(Function::Sigmoid, _))) {
                &mut sigmoid
            } else if varying.all(|&v| matches!(producers[v], Producer::Bit)) {
                &mut bit
            } else {
                continue;
            };
        alike.insert(class, *first.get_or_insert(class));
    }
    alike
}

/// The distinct sources of a class that are not free, each with a value: for a function an argument. `class` says which
/// class a factor's scale is that of.
fn sources(
    values: &[usize],
    producers: &[Producer],
    class: impl Fn(usize) -> usize,
) -> BTreeMap<Source, usize> {
    let bits = |value: usize| match producers[value] {
        Producer::Free(bits) => bits,
        Producer::Constant | Producer::Product(_) => 20,
        Producer::Bit => 1,
        Producer::Function(..) => 16,
        Producer::Ensemble => 30,
    };
    let mut sources = BTreeMap::new();
    for &value in values {
        match producers[value] {
            Producer::Free(_) | Producer::Constant => {}
            Producer::Bit => drop(sources.insert(Source::Bit, value)),
            Producer::Ensemble => drop(sources.insert(Source::Ensemble(value), value)),
            Producer::Function(f, argument) => drop(sources.insert(Source::Function(f), argument)),
            Producer::Product(pair) => {
                let mut factors = pair.map(|factor| (class(factor), bits(factor)));
                factors.sort_unstable();
                sources.insert(Source::Product(factors), value);
            }
        }
    }
    sources
}

/// Gives classes of products the factor that their factors have. Where products go round in a circle, a class of it is
/// requantised.
fn order_products(classes: &mut BTreeMap<usize, Class>, mut products: BTreeMap<usize, [usize; 2]>) {
    let mut readers: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (&id, factors) in &products {
        factors.iter().for_each(|&factor| readers.entry(factor).or_default().push(id));
    }
    let mut ready: Vec<usize> = products.keys().copied().collect();
    loop {
        while let Some(id) = ready.pop() {
            let Some(&factors) = products.get(&id) else { continue };
            if factors.iter().any(|factor| products.contains_key(factor)) {
                continue;
            }
            let factor = factors.iter().map(|f| classes[f].affine.factor).product();
            if let Some(class) = classes.get_mut(&id) {
                class.affine = Affine { factor, shift: 0.0 };
            }
            products.remove(&id);
            ready.extend(readers.get(&id).into_iter().flatten());
        }
        let Some((id, _)) = products.pop_first() else { return };
        if let Some(class) = classes.get_mut(&id) {
            class.requantise = true;
        }
        ready.extend(readers.get(&id).into_iter().flatten());
    }
}

fn argument_of(values: &[usize], producers: &[Producer], uses: &[Uses]) -> Option<Function> {
    let mut functions = values.iter().filter_map(|&v| uses[v].function);
    let function = functions.next().filter(|f| *f != Function::Softplus)?;
    let only = |&v: &usize| {
        let linear = matches!(producers[v], Producer::Free(ROW) | Producer::Constant);
        linear && !uses[v].product && !uses[v].other && uses[v].function.is_none_or(|f| f == function)
    };
    values.iter().all(only).then_some(function)
}

fn producers(real: &RealProgram) -> Vec<Producer> {
    let mut producers = vec![Producer::Free(INPUT); real.inputs];
    for op in &real.ops {
        match op {
            RealOp::Linear { matrix, columns, activation } => {
                let matrix = &real.matrices[*matrix];
                for _ in columns {
                    producers.extend((0..matrix.biases.len()).map(|row| match activation {
                        RealActivation::Identity => {
                            let weights = &matrix.weights[row * matrix.inputs..][..matrix.inputs];
                            let zero = weights.iter().all(|w| *w == 0.0);
                            if zero { Producer::Constant } else { Producer::Free(ROW) }
                        }
                        RealActivation::Relu => Producer::Free(RELU),
                        RealActivation::AtLeastZero | RealActivation::AboveZero => Producer::Bit,
                    }));
                }
            }
            RealOp::Product { pairs } => producers.extend(pairs.iter().map(|&pair| Producer::Product(pair))),
            RealOp::Function { function, values } => {
                producers.extend(values.iter().map(|&value| match function {
                    Function::Softplus => Producer::Free(SOFTPLUS),
                    _ => Producer::Function(*function, value),
                }));
            }
            RealOp::Ensemble { .. } => producers.push(Producer::Ensemble),
        }
    }
    producers
}

fn uses(real: &RealProgram, producers: &[Producer]) -> Vec<Uses> {
    let mut uses = vec![Uses::default(); producers.len()];
    let bit = |value: usize| matches!(producers[value], Producer::Bit);
    let mixed = |column: &[usize]| column.iter().any(|&value| !bit(value));
    for op in &real.ops {
        match op {
            RealOp::Linear { columns, .. } => {
                for column in columns {
                    let mixed = mixed(column);
                    for &value in column {
                        uses[value].linear = true;
                        uses[value].other = true;
                        uses[value].beside |= mixed;
                    }
                }
            }
            RealOp::Product { pairs } => {
                pairs.as_flattened().iter().for_each(|&value| uses[value].product = true);
                // A product of two truth values is no truth value, and takes its scale from the first.
                pairs.iter().for_each(|&[a, b]| uses[a].beside |= bit(a) && bit(b));
            }
            RealOp::Function { function, values } => {
                for &value in values {
                    let before = uses[value].function.replace(*function);
                    uses[value].other |= before.is_some_and(|f| f != *function);
                }
            }
            // Trees read their own form of an input.
            RealOp::Ensemble { .. } => {}
        }
    }
    let mixed = mixed(&real.output);
    for &value in &real.output {
        uses[value].other = true;
        uses[value].beside |= mixed;
    }
    uses
}

/// The class of every value, by its least member.
fn merge(real: &RealProgram, values: usize) -> Vec<usize> {
    let mut sets = UnionFind::new(values);
    let mut first: BTreeMap<(usize, u8), (Vec<usize>, usize)> = BTreeMap::new();
    let mut next = real.inputs;
    for op in &real.ops {
        match op {
            RealOp::Linear { matrix, columns, activation } => {
                let rows = real.matrices[*matrix].biases.len();
                for column in columns {
                    let (reads, gives) =
                        first.entry((*matrix, *activation as u8)).or_insert_with(|| (column.clone(), next));
                    for (&a, &b) in reads.iter().zip(column) {
                        sets.union(a, b);
                    }
                    for row in 0..rows {
                        sets.union(*gives + row, next + row);
                    }
                    next += rows;
                }
            }
            RealOp::Product { pairs } => next += pairs.len(),
            RealOp::Function { values, .. } => next += values.len(),
            RealOp::Ensemble { .. } => next += 1,
        }
    }
    while merge_results(real, &mut sets) {}
    (0..values).map(|value| sets.find(value)).collect()
}

/// Results of one function of arguments of one class are of one class. Whether anything was merged.
fn merge_results(real: &RealProgram, sets: &mut UnionFind) -> bool {
    let mut results: BTreeMap<(usize, Function), usize> = BTreeMap::new();
    let mut merged = false;
    let mut next = real.inputs;
    for op in &real.ops {
        if let RealOp::Function { function, values } = op {
            for (position, &value) in values.iter().enumerate() {
                let key = (sets.find(value), *function);
                let known = *results.entry(key).or_insert(next + position);
                merged |= sets.union(known, next + position);
            }
        }
        next += op.given(real);
    }
    merged
}

/// Greatest arguments, by class of the argument and function. Results of one class share theirs.
fn tops(
    real: &RealProgram,
    of: &[usize],
    ranges: &[Range],
) -> Result<BTreeMap<(usize, Function), f64>, ModelError> {
    let mut by_result: BTreeMap<(usize, Function), (Range, usize)> = BTreeMap::new();
    let mut results = BTreeMap::new();
    let mut next = real.inputs;
    for (position, op) in real.ops.iter().enumerate() {
        if let RealOp::Function { function, values } = op {
            for (i, &value) in values.iter().enumerate() {
                // Softplus is a value of any scale in the end, and its table has no greatest argument.
                let key = (of[next + i], *function);
                let (range, _) = by_result.entry(key).or_insert((ranges[value], position));
                *range = hull(*range, ranges[value]);
                results.insert((of[value], *function), key);
            }
        }
        next += op.given(real);
    }
    let found = |(argument, key): ((usize, Function), (usize, Function))| {
        let (range, position) = by_result.get(&key).copied().unwrap_or_default();
        let refused = ModelError::Unrepresentable { layer: position, channel: argument.0, reason: DOMAIN };
        top(key.1, range).map(|top| (argument, top)).ok_or(refused)
    };
    results.into_iter().map(found).collect()
}
