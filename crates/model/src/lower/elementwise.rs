//! Operators on each element.

use super::{
    Operands,
    builder::Builder,
    element::Element,
    tensor::{Symbolic, broadcast, broadcast_positions},
};
use crate::{
    ModelError, RealActivation,
    import::{Binary, Fold, Kind, Node, Unary},
    program::Function,
};

/// Greatest whole exponent that becomes products.
const MAX_EXPONENT: u32 = 16;

/// A function of each element.
pub(super) fn unary(b: &mut Builder, op: Unary, x: &Symbolic) -> Result<Symbolic, ModelError> {
    let kind = if op == Unary::Not { Kind::Bool } else { x.kind };
    if op == Unary::Identity {
        return Ok(x.clone());
    }
    let results = function(b, op, &x.elements())?;
    Ok(Symbolic::new(x.dims.clone(), kind, results))
}

pub(super) fn function(b: &mut Builder, op: Unary, x: &[Element]) -> Result<Vec<Element>, ModelError> {
    let map = |x: &[Element], by: f64, plus: f64| x.iter().map(|e| e.affine(by, plus)).collect::<Vec<_>>();
    match op {
        Unary::Neg => Ok(map(x, -1.0, 0.0)),
        Unary::Abs => b.leaky(x, &vec![-1.0; x.len()]),
        Unary::Relu => b.relu(x),
        Unary::Leaky(slope) => b.leaky(x, &vec![slope; x.len()]),
        Unary::Elu { alpha, gamma } => {
            // γ·(relu(x) + α·(e^min(x, 0) − 1)), the minimum being −relu(−x).
            let x = b.short(x)?;
            let (above, below) = (b.relu(&x)?, b.relu(&map(&x, -1.0, 0.0))?);
            let exponential = b.function(Function::Exp, &map(&below, -1.0, 0.0))?;
            b.plus(&map(&above, gamma, 0.0), &map(&exponential, gamma * alpha, -gamma * alpha))
        }
        Unary::Sigmoid => b.function(Function::Sigmoid, x),
        Unary::HardSigmoid { alpha, beta } => b.clip(&map(x, alpha, beta), Some(0.0), Some(1.0)),
        Unary::HardSwish => {
            let x = b.short(x)?;
            let gate = b.clip(&map(&x, 1.0 / 6.0, 0.5), Some(0.0), Some(1.0))?;
            b.times(&x, &gate)
        }
        Unary::Swish(alpha) => {
            let x = b.short(x)?;
            let gate = b.function(Function::Sigmoid, &map(&x, alpha, 0.0))?;
            b.times(&x, &gate)
        }
        Unary::Gelu { tanh } => gelu(b, x, tanh),
        Unary::Mish => {
            let x = b.short(x)?;
            let softplus = b.function(Function::Softplus, &x)?;
            let gate = hyperbolic(b, &softplus)?;
            b.times(&x, &gate)
        }
        Unary::Tanh => hyperbolic(b, x),
        Unary::Softplus => b.function(Function::Softplus, x),
        Unary::Erf => b.function(Function::Erf, x),
        Unary::Exp => b.function(Function::Exp, x),
        Unary::Log => b.function(Function::Log, x),
        Unary::Sqrt => root(b, x),
        Unary::Reciprocal => b.function(Function::Reciprocal, x),
        Unary::Not => Ok(map(x, -1.0, 1.0)),
        Unary::Identity => Ok(x.to_vec()),
    }
}

/// `tanh(x) = 2·σ(2x) − 1`.
pub(super) fn hyperbolic(b: &mut Builder, x: &[Element]) -> Result<Vec<Element>, ModelError> {
    let doubled: Vec<Element> = x.iter().map(|e| e.affine(2.0, 0.0)).collect();
    Ok(b.function(Function::Sigmoid, &doubled)?.iter().map(|e| e.affine(2.0, -1.0)).collect())
}

/// `√x = x · (1/√x)`; a known number has its root at once.
pub(super) fn root(b: &mut Builder, x: &[Element]) -> Result<Vec<Element>, ModelError> {
    if x.iter().all(|e| e.constant().is_some()) {
        return Ok(x.iter().map(|e| Element::Constant(e.constant().unwrap_or(0.0).sqrt())).collect());
    }
    let x = b.realise(x, RealActivation::Identity)?;
    let inverse = b.function(Function::InverseSqrt, &x)?;
    b.times(&x, &inverse)
}

/// `x · (1 + erf(x/√2)) / 2`, or the approximation by tanh.
fn gelu(b: &mut Builder, x: &[Element], tanh: bool) -> Result<Vec<Element>, ModelError> {
    let x = b.short(x)?;
    let gate = if tanh {
        // (1 + tanh(√(2/π)·(x + 0.044715·x³)))/2 = σ(2·√(2/π)·(x + 0.044715·x³)).
        let by = 2.0 * std::f64::consts::FRAC_2_PI.sqrt();
        let cube = power(b, &x, 3)?;
        let terms = x.iter().zip(&cube);
        let inner: Result<Vec<_>, _> =
            terms.map(|(x, c)| b.add(&x.affine(by, 0.0), &c.affine(by * 0.044_715, 0.0))).collect();
        b.function(Function::Sigmoid, &inner?)?
    } else {
        let scaled: Vec<Element> = x.iter().map(|e| e.affine(std::f64::consts::FRAC_1_SQRT_2, 0.0)).collect();
        b.function(Function::Erf, &scaled)?.iter().map(|e| e.affine(0.5, 0.5)).collect()
    };
    b.times(&x, &gate)
}

/// A whole power of at least 1, by products.
fn power(b: &mut Builder, x: &[Element], exponent: usize) -> Result<Vec<Element>, ModelError> {
    let mut square = x.to_vec();
    let mut result: Option<Vec<Element>> = None;
    let mut left = exponent;
    while left > 0 {
        if left & 1 == 1 {
            result = Some(match result {
                Some(result) => b.times(&result, &square)?,
                None => square.clone(),
            });
        }
        left >>= 1;
        if left > 0 {
            square = b.times(&square, &square)?;
        }
    }
    Ok(result.unwrap_or_else(|| vec![Element::Constant(1.0); x.len()]))
}

/// Two operands brought to the same dimensions. A sum that is repeated becomes a value first.
pub(super) fn aligned(
    b: &mut Builder,
    node: &Node,
    x: &Symbolic,
    y: &Symbolic,
) -> Result<(Vec<usize>, [Vec<Element>; 2]), ModelError> {
    let dims = broadcast(&x.dims, &y.dims)
        .ok_or_else(|| node.dimensions(&y.dims, "the operands do not broadcast to each other"))?;
    let count = node.count(&dims)?;
    b.spend(count)?;
    let mut spread = |t: &Symbolic| {
        if t.dims == dims {
            return Ok(t.elements());
        }
        let elements = if t.len() < count { b.short(&t.elements())? } else { t.elements() };
        Ok::<_, ModelError>(
            broadcast_positions(&t.dims, &dims).into_iter().map(|p| elements[p].clone()).collect(),
        )
    };
    let both = [spread(x)?, spread(y)?];
    Ok((dims, both))
}

/// An operator on two tensors.
pub(super) fn binary(
    b: &mut Builder,
    node: &Node,
    op: Binary,
    operands: Operands<'_>,
) -> Result<Symbolic, ModelError> {
    let [Some(first), Some(second)] = operands else { return Err(node.misused()) };
    // A slope broadcasts to the operand and never the other way.
    let (dims, [x, y]) = aligned(b, node, first, second)?;
    let integers = first.kind == Kind::Int && second.kind == Kind::Int;
    let not = |e: Vec<Element>| e.iter().map(|e| e.affine(-1.0, 1.0)).collect::<Vec<_>>();
    let mut kind = if integers { Kind::Int } else { Kind::Float };
    let results = match op {
        Binary::Add => b.plus(&x, &y)?,
        Binary::Sub => b.minus(&x, &y)?,
        Binary::Mul => b.times(&x, &y)?,
        Binary::Div => quotient(b, node, &x, &y, integers)?,
        Binary::Mod => remainder(node, &x, &y)?,
        Binary::Pow => raise(b, node, &x, &y)?,
        Binary::PRelu => {
            let slopes: Option<Vec<f64>> = y.iter().map(Element::constant).collect();
            b.leaky(&x, &slopes.ok_or_else(|| node.form("a computed slope", "a constant slope"))?)?
        }
        _ => {
            kind = Kind::Bool;
            match op {
                Binary::GreaterOrEqual => b.compare(&x, &y, false)?,
                Binary::Greater => b.compare(&x, &y, true)?,
                Binary::LessOrEqual => b.compare(&y, &x, false)?,
                Binary::Less => b.compare(&y, &x, true)?,
                Binary::Equal => {
                    let (at_least, at_most) = (b.compare(&x, &y, false)?, b.compare(&y, &x, false)?);
                    b.times(&at_least, &at_most)?
                }
                Binary::And => b.times(&x, &y)?,
                Binary::Or => {
                    let neither = b.times(&not(x), &not(y))?;
                    not(neither)
                }
                // x + y − 2xy.
                _ => {
                    let both = b.times(&x, &y)?;
                    let sum = b.plus(&x, &y)?;
                    b.plus(&sum, &both.iter().map(|e| e.affine(-2.0, 0.0)).collect::<Vec<_>>())?
                }
            }
        }
    };
    Ok(Symbolic::new(dims, kind, results))
}

fn quotient(
    b: &mut Builder,
    node: &Node,
    x: &[Element],
    y: &[Element],
    integers: bool,
) -> Result<Vec<Element>, ModelError> {
    let divisors: Option<Vec<f64>> = y.iter().map(Element::constant).collect();
    let Some(divisors) = divisors else {
        let inverse = b.function(Function::Reciprocal, y)?;
        return b.times(x, &inverse);
    };
    let divide = |(x, d): (&Element, &f64)| match (x, integers) {
        (Element::Constant(x), true) => Ok(Element::Constant((x / d).trunc())),
        (_, true) => Err(node.form("a quotient of integers", "Cast to float before Div")),
        // A constant is divided once, so that it rounds once.
        (Element::Constant(x), false) => Ok(Element::Constant(x / d)),
        (x, false) => Ok(x.affine(1.0 / d, 0.0)),
    };
    x.iter().zip(&divisors).map(divide).collect()
}

/// Only of constants, as shapes are made of.
fn remainder(node: &Node, x: &[Element], y: &[Element]) -> Result<Vec<Element>, ModelError> {
    let one = |(x, y): (&Element, &Element)| match (x, y) {
        (Element::Constant(x), Element::Constant(y)) => Ok(Element::Constant(x - y * (x / y).floor())),
        _ => Err(node.form("a remainder of computed numbers", "Mod of constants")),
    };
    x.iter().zip(y).map(one).collect()
}

/// A power with a constant exponent that products, roots and reciprocals make, or with a constant base.
fn raise(b: &mut Builder, node: &Node, x: &[Element], y: &[Element]) -> Result<Vec<Element>, ModelError> {
    let known = |e: &[Element]| e.iter().map(Element::constant).collect::<Option<Vec<f64>>>();
    match (known(x), known(y)) {
        (Some(x), Some(y)) => Ok(x.iter().zip(&y).map(|(x, y)| Element::Constant(x.powf(*y))).collect()),
        (None, Some(exponents)) => {
            let exponent = exponents.first().copied().filter(|e| exponents.iter().all(|f| f == e));
            let exponent =
                exponent.ok_or_else(|| node.form("different exponents", "one exponent for all elements"))?;
            let whole = exponent.abs().trunc();
            let rest = exponent.abs() - whole;
            if whole > f64::from(MAX_EXPONENT) || (rest != 0.0 && rest != 0.5) {
                return Err(node
                    .form("this exponent", "a multiple of 1/2 of at most 16, or Exp of a product with Log"));
            }
            let x = b.realise(x, RealActivation::Identity)?;
            let mut result = power(b, &x, (0..MAX_EXPONENT).filter(|&k| f64::from(k) < whole).count())?;
            if rest != 0.0 {
                let half = root(b, &x)?;
                result = b.times(&result, &half)?;
            }
            if exponent < 0.0 { b.function(Function::Reciprocal, &result) } else { Ok(result) }
        }
        (Some(bases), None) => {
            if bases.iter().any(|&base| base <= 0.0) {
                return Err(node.form("a power of a base that is not positive", "a positive base"));
            }
            let scaled: Vec<Element> = y.iter().zip(&bases).map(|(y, x)| y.affine(x.ln(), 0.0)).collect();
            b.function(Function::Exp, &scaled)
        }
        (None, None) => Err(node.form("a power of computed numbers", "a constant exponent")),
    }
}

/// An operator on any number of tensors.
pub(super) fn variadic(
    b: &mut Builder,
    node: &Node,
    fold: Fold,
    operands: Operands<'_>,
) -> Result<Symbolic, ModelError> {
    let mut operands = operands.iter();
    let Some(Some(first)) = operands.next() else { return Err(node.misused()) };
    let (mut result, mut count) = (first.clone(), 1.0);
    for operand in operands {
        let Some(operand) = operand else { return Err(node.misused()) };
        let (dims, [x, y]) = aligned(b, node, &result, operand)?;
        count += 1.0;
        let elements = match fold {
            Fold::Max | Fold::Min => b.extreme(&x, &y, fold == Fold::Max)?,
            _ => b.plus(&x, &y)?,
        };
        result = Symbolic::new(dims, result.kind, elements);
    }
    if fold == Fold::Mean {
        let elements = result.elements().iter().map(|e| e.affine(1.0 / count, 0.0)).collect();
        result = Symbolic::new(result.dims, Kind::Float, elements);
    }
    Ok(result)
}

/// The bounds are constants, or left out.
pub(super) fn clip(b: &mut Builder, node: &Node, operands: Operands<'_>) -> Result<Symbolic, ModelError> {
    let Some(Some(x)) = operands.first() else { return Err(node.misused()) };
    let bound = |position: usize| match operands.get(position) {
        None | Some(None) => Ok(None),
        Some(Some(t)) => match t.constants() {
            // The ends of float32 clip nothing.
            Some([c]) => Ok(Some(*c).filter(|c| c.abs() < f64::from(f32::MAX))),
            _ => Err(node.form("computed bounds", "constant bounds, or Min and Max")),
        },
    };
    let elements = b.clip(&x.elements(), bound(1)?, bound(2)?)?;
    Ok(Symbolic::new(x.dims.clone(), x.kind, elements))
}

/// `y + c · (x − y)`.
pub(super) fn choose(b: &mut Builder, node: &Node, operands: Operands<'_>) -> Result<Symbolic, ModelError> {
    let [Some(condition), Some(yes), Some(no)] = operands else { return Err(node.misused()) };
    if condition.kind != Kind::Bool {
        return Err(node.misused());
    }
    let (dims, [x, y]) = aligned(b, node, yes, no)?;
    let pair = |elements| Symbolic::new(dims.clone(), yes.kind, elements);
    let difference = b.minus(&x, &y)?;
    let (dims, [c, difference]) = aligned(b, node, condition, &pair(difference))?;
    let positions = broadcast_positions(&pair(y.clone()).dims, &dims);
    let y: Vec<Element> = positions.into_iter().map(|p| y[p].clone()).collect();
    let chosen = b.times(&c, &difference)?;
    let elements = b.plus(&y, &chosen)?;
    Ok(Symbolic::new(dims, yes.kind, elements))
}

/// Truth values and integers are numbers already; a computed number cannot be cut to an integer.
pub(super) fn cast(node: &Node, x: &Symbolic, to: Kind) -> Result<Symbolic, ModelError> {
    let cut = |c: f64| match to {
        Kind::Int => c.trunc(),
        Kind::Bool => f64::from(u8::from(c != 0.0)),
        Kind::Float | Kind::Text => c,
    };
    let known = |from: Kind| {
        matches!(
            (from, to),
            (_, Kind::Float) | (Kind::Bool | Kind::Int, Kind::Int) | (Kind::Bool, Kind::Bool)
        )
    };
    match x.constants() {
        _ if to == Kind::Text => Err(node.form("a cast to strings", "a numeric label")),
        Some(constants) => {
            let elements = constants.iter().map(|&c| Element::Constant(cut(c))).collect();
            Ok(Symbolic::new(x.dims.clone(), to, elements))
        }
        None if known(x.kind) => Ok(Symbolic { kind: to, ..x.clone() }),
        None => Err(node.form("a cast that rounds computed numbers", "a comparison with Where")),
    }
}
