//! Ensembles of trees, linear models, and what their scores become.

use std::collections::BTreeMap;

use super::{
    affine::{self, Matrix},
    builder::Builder,
    element::Element,
    reduce::first_extreme,
    softmax::probabilities,
    tensor::Symbolic,
};
use crate::{
    Comparison, ModelError, RealNode,
    import::{Branch, Forest, Kind, Labels, LinearModel, Node, PostTransform},
    program::{Function, ValueId},
};

/// A sum of leaves, and the classes and their scores where there are any.
pub(super) fn forest(
    b: &mut Builder,
    node: &Node,
    x: &Symbolic,
    forest: &Forest,
) -> Result<Vec<Symbolic>, ModelError> {
    let rows = match x.dims.as_slice() {
        [_] | [1, _] => x.elements(),
        _ => return Err(node.dimensions(&x.dims, "one sample of features, [1, n]")),
    };
    b.spend(forest.trees.iter().map(Vec::len).sum::<usize>().saturating_mul(forest.targets))?;
    let mut scores = vec![];
    for target in 0..forest.targets {
        let sum = target_sum(b, node, &rows, forest, target)?;
        let by = if forest.average { 1.0 / forest.trees.len() as f64 } else { 1.0 };
        let base = if forest.base.len() == forest.targets { forest.base.get(target) } else { None };
        scores.push(sum.affine(by, base.copied().unwrap_or(0.0)));
    }
    let Some(Labels { numbers: labels, .. }) = &forest.labels else {
        let scores = transform(b, forest.post, scores)?;
        return Ok(vec![Symbolic::new(vec![1, scores.len()], Kind::Float, scores)]);
    };
    // A single base value belongs to the first class.
    if let ([base], [_, _]) = (forest.base.as_slice(), scores.as_slice()) {
        scores[0] = scores[0].affine(1.0, *base);
    }
    let Some(one_sided) = forest.one_sided else {
        return classes(b, labels, &scores, forest.post);
    };
    // All leaves speak of one class; the other's score is what that one lacks.
    let base = if forest.base.len() == 2 { forest.base[1] - forest.base[0] } else { 0.0 };
    let spoken = usize::from(scores[0].constant().is_some() && scores[1].constant().is_none());
    let score = if spoken == 0 { scores[0].affine(1.0, base) } else { scores[1].clone() };
    let threshold = if one_sided.positive { 0.5 } else { 0.0 };
    let known = [score.affine(1.0, -threshold)];
    let yes = b.realise(&known, crate::RealActivation::AboveZero)?;
    let label: Vec<Element> = yes.iter().map(|y| y.affine(labels[1] - labels[0], labels[0])).collect();
    let pair = if one_sided.positive {
        vec![score.affine(-1.0, 1.0), score]
    } else {
        match forest.post {
            PostTransform::Logistic => {
                let p = b.function(Function::Sigmoid, &[score])?;
                p.iter().flat_map(|p| [p.affine(-1.0, 1.0), p.clone()]).collect()
            }
            _ => vec![score.affine(-1.0, 0.0), score],
        }
    };
    Ok(vec![Symbolic::new(vec![1], Kind::Int, label), Symbolic::new(vec![1, 2], Kind::Float, pair)])
}

/// The sum of the leaves for one target.
fn target_sum(
    b: &mut Builder,
    node: &Node,
    x: &[Element],
    forest: &Forest,
    target: usize,
) -> Result<Element, ModelError> {
    let mut features = Features::default();
    let (mut trees, mut constant) = (vec![], 0.0);
    for tree in &forest.trees {
        let speaks = |branch: &Branch| match branch {
            Branch::Leaf(leaves) => leaves.iter().any(|(t, _)| *t == target),
            Branch::Inner { .. } => false,
        };
        if !tree.iter().any(speaks) {
            continue;
        }
        match features.tree(b, node, x, tree, target)?.as_slice() {
            [RealNode::Leaf(leaf)] => constant += leaf,
            nodes => trees.push(nodes.to_vec()),
        }
    }
    if trees.is_empty() {
        return Ok(Element::Constant(constant));
    }
    Ok(b.ensemble(features.values, trees)?.affine(1.0, constant))
}

/// The inputs that trees compare, each once.
#[derive(Default)]
struct Features {
    values: Vec<ValueId>,
    place: BTreeMap<ValueId, usize>,
}

impl Features {
    /// A tree with thresholds of inputs; comparisons of constants are decided.
    fn tree(
        &mut self,
        b: &Builder,
        node: &Node,
        x: &[Element],
        tree: &[Branch],
        target: usize,
    ) -> Result<Vec<RealNode>, ModelError> {
        let mut nodes = vec![];
        let mut pending = vec![0];
        while let Some(&position) = pending.get(nodes.len()) {
            let mut position = position;
            // Bounded by the tree: every step goes down.
            let branch = loop {
                let branch = tree.get(position).ok_or_else(|| node.misused())?;
                let Branch::Inner { feature, threshold, strict, children } = branch else { break branch };
                let element = x
                    .get(*feature)
                    .ok_or_else(|| node.dimensions(&[x.len()], "as many features as the trees compare"))?;
                let Some(c) = element.constant() else { break branch };
                let left = if *strict { c < *threshold } else { c <= *threshold };
                position = children[usize::from(!left)];
            };
            nodes.push(match branch {
                Branch::Leaf(leaves) => {
                    RealNode::Leaf(leaves.iter().filter(|(t, _)| *t == target).map(|(_, w)| w).sum())
                }
                Branch::Inner { feature, threshold, strict, children } => {
                    let (value, factor, constant) = match x.get(*feature) {
                        Some(Element::Scaled { value, factor, constant }) if b.is_input(*value) => {
                            (*value, *factor, *constant)
                        }
                        _ => {
                            let nearest = "trees on inputs, or on affine functions of single ones";
                            return Err(node.form("a tree on computed features", nearest));
                        }
                    };
                    let given = pending.len();
                    pending.extend(children);
                    let threshold = (threshold - constant) / factor;
                    // A negative factor turns x ≤ t into x ≥ t, which is the other side of x < t.
                    let turned = factor < 0.0;
                    let comparison =
                        if *strict == turned { Comparison::LessOrEqual } else { Comparison::Less };
                    let children = if turned { [given + 1, given] } else { [given, given + 1] };
                    let next = self.values.len();
                    let feature = *self.place.entry(value).or_insert(next);
                    if feature == next {
                        self.values.push(value);
                    }
                    RealNode::Inner { feature, threshold, comparison, children }
                }
            });
        }
        Ok(nodes)
    }
}

/// Scores after a post-transform.
fn transform(b: &mut Builder, post: PostTransform, scores: Vec<Element>) -> Result<Vec<Element>, ModelError> {
    match post {
        PostTransform::None => Ok(scores),
        PostTransform::Logistic => b.function(Function::Sigmoid, &scores),
        PostTransform::Softmax => Ok(probabilities(b, &[scores])?.concat()),
    }
}

/// The label of the first greatest score, and the scores.
fn classes(
    b: &mut Builder,
    labels: &[f64],
    scores: &[Element],
    post: PostTransform,
) -> Result<Vec<Symbolic>, ModelError> {
    let scores = b.short(scores)?;
    let index = first_extreme(b, std::slice::from_ref(&scores), true, false)?;
    let label = choose_label(b, labels, &index)?;
    let scores = transform(b, post, scores)?;
    let scores = Symbolic::new(vec![1, scores.len()], Kind::Float, scores);
    Ok(vec![Symbolic::new(vec![1], Kind::Int, label), scores])
}

/// The label at an index: labels are steps over the index.
fn choose_label(b: &mut Builder, labels: &[f64], index: &[Element]) -> Result<Vec<Element>, ModelError> {
    if labels.iter().enumerate().all(|(k, &l)| l == k as f64) {
        return Ok(index.to_vec());
    }
    let [index] = index else { return Ok(vec![]) };
    let reached: Vec<Element> = (1..labels.len()).map(|k| index.affine(1.0, 0.5 - k as f64)).collect();
    let reached = b.realise(&reached, crate::RealActivation::AtLeastZero)?;
    let steps = labels.windows(2).map(|pair| if let [a, b] = pair { b - a } else { 0.0 });
    let mut terms: Vec<Element> = reached.iter().zip(steps).map(|(r, s)| r.affine(s, 0.0)).collect();
    terms.push(Element::Constant(labels.first().copied().unwrap_or(0.0)));
    Ok(vec![b.sum(&terms)?])
}

/// A linear regressor or classifier.
pub(super) fn linear_model(
    b: &mut Builder,
    node: &Node,
    x: &Symbolic,
    model: &LinearModel,
) -> Result<Vec<Symbolic>, ModelError> {
    let targets = model.intercepts.len();
    let width = model.coefficients.len() / targets.max(1);
    if x.dims.last() != Some(&width) || x.len() != width {
        return Err(node.dimensions(&x.dims, "one sample of as many features as the model has coefficients"));
    }
    let weight = |row: usize, column: usize| model.coefficients[row * width + column];
    let matrix = Matrix::new(b, [targets, width], weight, model.intercepts.clone())?;
    let scores = affine::apply(b, &matrix, vec![x.elements()])?.concat();
    match (model.labels.as_ref().map(|l| &l.numbers), scores.as_slice()) {
        (None, _) => {
            let scores = transform(b, model.post, scores)?;
            Ok(vec![Symbolic::new(vec![1, targets], Kind::Float, scores)])
        }
        (Some(labels), _) if labels.len() == targets => classes(b, labels, &scores, model.post),
        (Some(labels), [score]) if labels.len() == 2 && model.post == PostTransform::Logistic => {
            let p = b.function(Function::Sigmoid, std::slice::from_ref(score))?;
            let yes = b.realise(std::slice::from_ref(score), crate::RealActivation::AboveZero)?;
            let label = yes.iter().map(|y| y.affine(labels[1] - labels[0], labels[0])).collect();
            let pair = p.iter().flat_map(|p| [p.affine(-1.0, 1.0), p.clone()]).collect();
            Ok(vec![Symbolic::new(vec![1], Kind::Int, label), Symbolic::new(vec![1, 2], Kind::Float, pair)])
        }
        _ => Err(node.form("scores that are fewer than the classes", "a score for each class")),
    }
}
