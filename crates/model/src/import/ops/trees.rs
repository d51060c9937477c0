//! Ensembles of decision trees: three encodings, one form.

use std::collections::BTreeMap;

use super::{
    Source,
    ml::{MAX_TARGETS, labels, post},
};
use crate::{
    ModelError,
    import::{Labels, PostTransform},
};

/// Most trees of an ensemble.
const MAX_TREES: usize = 1 << 16;
/// Greatest index of a feature.
const MAX_FEATURES: i64 = 1 << 16;

/// Trees whose leaves add to targets.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Forest {
    /// Trees, each with its root first.
    pub trees: Vec<Vec<Branch>>,
    pub targets: usize,
    /// Added to the targets; empty or one for each.
    pub base: Vec<f64>,
    /// The sums are divided by the number of trees.
    pub average: bool,
    pub post: PostTransform,
    /// For a classifier, its classes.
    pub labels: Option<Labels>,
    /// A classifier of two classes whose leaves all speak of one: they may still all be positive.
    pub one_sided: Option<OneSided>,
}

/// How a single score stands for two classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OneSided {
    /// Every leaf is at least zero: the score is a probability.
    pub positive: bool,
}

/// A node of a tree.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Branch {
    /// Goes to the first child for `x < threshold`, or `x ≤ threshold` when not strict; otherwise to the second.
    Inner { feature: usize, threshold: f64, strict: bool, children: [usize; 2] },
    /// What it adds to targets.
    Leaf(Vec<(usize, f64)>),
}

/// A node as the attributes give it; children by node id.
struct Row {
    tree: i64,
    id: i64,
    mode: Mode,
    feature: i64,
    threshold: f64,
    children: [i64; 2],
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Leaf,
    /// Whether the comparison is strict, and whether the children change places.
    Compare {
        strict: bool,
        swap: bool,
    },
}

const fn mode(name: &[u8]) -> Option<Mode> {
    Some(match name {
        b"LEAF" => Mode::Leaf,
        b"BRANCH_LEQ" => Mode::Compare { strict: false, swap: false },
        b"BRANCH_LT" => Mode::Compare { strict: true, swap: false },
        b"BRANCH_GT" => Mode::Compare { strict: false, swap: true },
        b"BRANCH_GTE" => Mode::Compare { strict: true, swap: true },
        _ => return None,
    })
}

type Leaves = BTreeMap<(i64, i64), Vec<(usize, f64)>>;

/// Reads a `TreeEnsembleRegressor`.
pub(super) fn regressor(source: &mut Source) -> Result<Forest, ModelError> {
    let targets = source.attributes.int("n_targets", 1)?;
    let targets = usize::try_from(targets).ok().filter(|t| (1..=MAX_TARGETS).contains(t));
    let targets = targets.ok_or_else(|| source.attributes.refuse("n_targets"))?;
    let average = match source.attributes.string("aggregate_function", "SUM")?.as_str() {
        "SUM" => false,
        "AVERAGE" => true,
        _ => return Err(source.form("this aggregate function", "SUM or AVERAGE")),
    };
    let leaves = leaves(source, "target", targets)?;
    forest(source, targets, average, &leaves, None)
}

/// Reads a `TreeEnsembleClassifier`.
pub(super) fn classifier(source: &mut Source) -> Result<Forest, ModelError> {
    let labels = labels(source, "classlabels_int64s", "classlabels_strings")?;
    let leaves = leaves(source, "class", labels.names.len())?;
    let mut used = leaves.values().flatten().map(|(class, _)| *class);
    let first = used.next();
    let one_sided = (labels.names.len() == 2 && used.all(|class| Some(class) == first))
        .then(|| OneSided { positive: leaves.values().flatten().all(|(_, weight)| *weight >= 0.0) });
    let mut forest = forest(source, labels.names.len(), false, &leaves, Some(labels))?;
    forest.one_sided = one_sided;
    Ok(forest)
}

fn leaves(source: &mut Source, prefix: &str, targets: usize) -> Result<Leaves, ModelError> {
    let name = |part: &str| format!("{prefix}_{part}");
    let trees = source.attributes.ints(&name("treeids"))?.unwrap_or_default();
    let nodes = source.attributes.ints(&name("nodeids"))?.unwrap_or_default();
    let ids = source.attributes.ints(&name("ids"))?.unwrap_or_default();
    let weights = source.attributes.numbers(&name("weights"))?.unwrap_or_default();
    if [nodes.len(), ids.len(), weights.len()] != [trees.len(); 3] {
        return Err(source.attributes.refuse(&name("weights")));
    }
    let mut leaves = Leaves::new();
    for (((tree, node), id), weight) in trees.into_iter().zip(nodes).zip(ids).zip(weights) {
        let target = usize::try_from(id).ok().filter(|&t| t < targets);
        let target = target.ok_or_else(|| source.attributes.refuse(&name("ids")))?;
        leaves.entry((tree, node)).or_default().push((target, weight));
    }
    Ok(leaves)
}

fn forest(
    source: &mut Source,
    targets: usize,
    average: bool,
    leaves: &Leaves,
    labels: Option<Labels>,
) -> Result<Forest, ModelError> {
    let base = source.attributes.numbers("base_values")?.unwrap_or_default();
    if !(base.is_empty() || base.len() == targets || (labels.is_some() && base.len() == 1)) {
        return Err(source.attributes.refuse("base_values"));
    }
    let post = post(source)?;
    let rows = rows(source)?;
    let mut trees: BTreeMap<i64, Vec<Row>> = BTreeMap::new();
    for row in rows {
        trees.entry(row.tree).or_default().push(row);
    }
    if trees.len() > MAX_TREES {
        return Err(ModelError::TooLarge { what: "trees", got: trees.len(), limit: MAX_TREES });
    }
    let trees: Option<Vec<_>> = trees.values().map(|rows| tree(rows, leaves)).collect();
    let trees = trees.ok_or_else(|| source.attributes.refuse("nodes_nodeids"))?;
    Ok(Forest { trees, targets, base, average, post, labels, one_sided: None })
}

fn rows(source: &mut Source) -> Result<Vec<Row>, ModelError> {
    // A sample has no missing values; hit rates are hints.
    source.attributes.ignore(&[
        "nodes_missing_value_tracks_true",
        "nodes_hitrates",
        "nodes_hitrates_as_tensor",
    ]);
    let mut ints = |name: &str| source.attributes.ints(name).map(Option::unwrap_or_default);
    let (trees, ids, features) = (ints("nodes_treeids")?, ints("nodes_nodeids")?, ints("nodes_featureids")?);
    let (yes, no) = (ints("nodes_truenodeids")?, ints("nodes_falsenodeids")?);
    let modes = source.attributes.strings("nodes_modes")?.unwrap_or_default();
    let values = source.attributes.numbers("nodes_values")?.unwrap_or_default();
    let lengths = [ids.len(), features.len(), yes.len(), no.len(), modes.len(), values.len()];
    if lengths != [trees.len(); 6] || trees.is_empty() {
        return Err(source.attributes.refuse("nodes_treeids"));
    }
    let nodes = trees.into_iter().zip(ids).zip(features.into_iter().zip(values)).zip(yes.into_iter().zip(no));
    nodes
        .zip(modes)
        .map(|((((tree, id), (feature, threshold)), (yes, no)), name)| {
            let mode = mode(&name).ok_or_else(|| {
                source.form("this comparison in a tree", "BRANCH_LEQ, BRANCH_LT, BRANCH_GT or BRANCH_GTE")
            })?;
            Ok(Row { tree, id, mode, feature, threshold, children: [yes, no] })
        })
        .collect()
}

/// Orders a tree's nodes from its root; `None` unless they form a tree.
fn tree(rows: &[Row], leaves: &Leaves) -> Option<Vec<Branch>> {
    let mut place = BTreeMap::new();
    let mut child = std::collections::BTreeSet::new();
    for (position, row) in rows.iter().enumerate() {
        if place.insert(row.id, position).is_some() {
            return None;
        }
        if row.mode != Mode::Leaf {
            child.extend(row.children);
        }
    }
    let mut roots = rows.iter().filter(|row| !child.contains(&row.id));
    let (root, None) = (roots.next()?, roots.next()) else { return None };
    let mut branches = vec![];
    let mut pending = vec![*place.get(&root.id)?];
    let mut given = 1;
    while let Some(position) = pending.get(branches.len()) {
        let row = rows.get(*position)?;
        branches.push(match row.mode {
            Mode::Leaf => Branch::Leaf(leaves.get(&(row.tree, row.id)).cloned().unwrap_or_default()),
            Mode::Compare { strict, swap } => {
                let [yes, no] = row.children;
                // More nodes than the tree has: it has a cycle, or two ways to a node.
                if given + 2 > rows.len() {
                    return None;
                }
                pending.push(*place.get(&yes)?);
                pending.push(*place.get(&no)?);
                let children = if swap { [given + 1, given] } else { [given, given + 1] };
                given += 2;
                let feature = usize::try_from(row.feature).ok().filter(|_| row.feature < MAX_FEATURES)?;
                Branch::Inner { feature, threshold: row.threshold, strict, children }
            }
        });
    }
    (branches.len() == rows.len()).then_some(branches)
}

/// Reads a `TreeEnsemble`: leaves are numbered apart from inner nodes, and trees are given by their roots.
pub(super) fn ensemble(source: &mut Source) -> Result<Forest, ModelError> {
    source.attributes.ignore(&["nodes_missing_value_tracks_true", "nodes_hitrates"]);
    let targets = source.attributes.int("n_targets", 1)?;
    let targets = usize::try_from(targets).ok().filter(|t| (1..=MAX_TARGETS).contains(t));
    let targets = targets.ok_or_else(|| source.attributes.refuse("n_targets"))?;
    let average = match source.attributes.int("aggregate_function", 1)? {
        0 => true,
        1 => false,
        _ => return Err(source.form("this aggregate function", "SUM or AVERAGE")),
    };
    let post = match source.attributes.int("post_transform", 0)? {
        0 => PostTransform::None,
        1 => PostTransform::Softmax,
        2 => PostTransform::Logistic,
        _ => return Err(source.form("this post-transform", "NONE, LOGISTIC or SOFTMAX")),
    };
    if source.attributes.has("membership_values") {
        return Err(source.form("set membership in a tree", "BRANCH_LEQ, BRANCH_LT, BRANCH_GT or BRANCH_GTE"));
    }
    let arrays = Arrays::read(source)?;
    let roots = source.attributes.ints("tree_roots")?.unwrap_or_default();
    if roots.len() > MAX_TREES || roots.is_empty() {
        return Err(source.attributes.refuse("tree_roots"));
    }
    let mut left = arrays.modes.len() + arrays.weights.len() + roots.len();
    let trees: Option<Vec<_>> = roots.iter().map(|&root| arrays.tree(root, targets, &mut left)).collect();
    let trees = trees.ok_or_else(|| source.attributes.refuse("tree_roots"))?;
    Ok(Forest { trees, targets, base: vec![], average, post, labels: None, one_sided: None })
}

struct Arrays {
    modes: Vec<Mode>,
    features: Vec<i64>,
    splits: Vec<f64>,
    children: [Vec<i64>; 2],
    leaf: [Vec<i64>; 2],
    targets: Vec<i64>,
    weights: Vec<f64>,
}

impl Arrays {
    fn read(source: &mut Source) -> Result<Self, ModelError> {
        let modes = source.attributes.tensor("nodes_modes");
        // Modes are bytes, which no other tensor here has.
        let modes: Vec<f64> = match modes {
            Ok(Some(modes)) => modes.data.to_vec(),
            Ok(None) => return Err(source.attributes.refuse("nodes_modes")),
            Err(error) => return Err(error),
        };
        let modes = modes.iter().map(|&m| match m as i64 {
            0 => Some(Mode::Compare { strict: false, swap: false }),
            1 => Some(Mode::Compare { strict: true, swap: false }),
            2 => Some(Mode::Compare { strict: true, swap: true }),
            3 => Some(Mode::Compare { strict: false, swap: true }),
            _ => None,
        });
        let modes: Option<Vec<Mode>> = modes.collect();
        let modes = modes.ok_or_else(|| {
            source.form("this comparison in a tree", "BRANCH_LEQ, BRANCH_LT, BRANCH_GT or BRANCH_GTE")
        })?;
        let mut ints = |name: &str| source.attributes.ints(name).map(Option::unwrap_or_default);
        let features = ints("nodes_featureids")?;
        let children = [ints("nodes_truenodeids")?, ints("nodes_falsenodeids")?];
        let leaf = [ints("nodes_trueleafs")?, ints("nodes_falseleafs")?];
        let targets = ints("leaf_targetids")?;
        let splits = source.attributes.tensor("nodes_splits")?.map_or(vec![], |t| t.data.to_vec());
        let weights = source.attributes.tensor("leaf_weights")?.map_or(vec![], |t| t.data.to_vec());
        Ok(Self { modes, features, splits, children, leaf, targets, weights })
    }

    /// The tree from a root; `left` bounds the nodes of all trees, which may not share any.
    fn tree(&self, root: i64, targets: usize, left: &mut usize) -> Option<Vec<Branch>> {
        let mut pending = vec![(root, false)];
        let mut branches = vec![];
        while let Some(&(id, leaf)) = pending.get(branches.len()) {
            *left = left.checked_sub(1)?;
            let id = usize::try_from(id).ok()?;
            if leaf {
                let target = usize::try_from(*self.targets.get(id)?).ok().filter(|&t| t < targets)?;
                branches.push(Branch::Leaf(vec![(target, *self.weights.get(id)?)]));
                continue;
            }
            let Mode::Compare { strict, swap } = *self.modes.get(id)? else { return None };
            let given = pending.len();
            let is_leaf = |side: usize| Some(*self.leaf[side].get(id)? != 0);
            pending.push((*self.children[0].get(id)?, is_leaf(0)?));
            // A tree that is one leaf has it on both sides.
            pending.push((*self.children[1].get(id)?, is_leaf(1)?));
            let children = if swap { [given + 1, given] } else { [given, given + 1] };
            let feature = *self.features.get(id)?;
            let feature = usize::try_from(feature).ok().filter(|_| feature < MAX_FEATURES)?;
            branches.push(Branch::Inner { feature, threshold: *self.splits.get(id)?, strict, children });
        }
        Some(branches)
    }
}
