//! The private part of an ensemble of trees.

use super::shape::{Ensemble, LEAF_BITS};
use super::{Format, ProgramError};

/// An inner node: goes right when the rank of its feature exceeds `rank`. `2^rank_bits − 1` is never exceeded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Position among the ensemble's features.
    pub feature: u8,
    /// Rank that it compares with, in `[0, 2^rank_bits)`.
    pub rank: u16,
}

/// Thresholds, nodes and leaves of an ensemble.
#[derive(Clone, PartialEq, Eq)]
pub struct EnsembleParameters {
    /// `2^rank_bits − 1` thresholds for each feature, not decreasing; unused ones are the greatest of [`Format::WIDE`].
    pub thresholds: Vec<Vec<i32>>,
    /// Nodes, tree after tree, level by level.
    pub nodes: Vec<Node>,
    /// Leaves, tree after tree, left to right, signed with 20 bits.
    pub leaves: Vec<i32>,
}

impl EnsembleParameters {
    /// Checks counts, order and ranges.
    ///
    /// # Errors
    /// With the first that is wrong.
    pub(super) fn check(&self, shape: &Ensemble) -> Result<(), ProgramError> {
        let size = |what, expected, got| {
            if expected == got { Ok(()) } else { Err(ProgramError::Count { what, expected, got }) }
        };
        size("features with thresholds", shape.features.len(), self.thresholds.len())?;
        size("nodes", shape.trees * shape.nodes(), self.nodes.len())?;
        size("leaves", shape.trees << shape.depth, self.leaves.len())?;
        let range = |what, index, value, bits| ProgramError::Range { what, index, value, bits };
        for (feature, thresholds) in self.thresholds.iter().enumerate() {
            size("thresholds", shape.thresholds(), thresholds.len())?;
            let inside = |t: &i32| (Format::WIDE.least()..=Format::WIDE.greatest()).contains(&i64::from(*t));
            if let Some(&bad) = thresholds.iter().find(|t| !inside(t)) {
                return Err(range("threshold of feature", feature, i64::from(bad), 30));
            }
            if !thresholds.is_sorted() {
                return Err(ProgramError::Order { feature });
            }
        }
        for (index, node) in self.nodes.iter().enumerate() {
            if usize::from(node.feature) >= shape.features.len() {
                return Err(range("feature of node", index, i64::from(node.feature), 6));
            }
            if node.rank >> shape.rank_bits != 0 {
                return Err(range("rank of node", index, i64::from(node.rank), shape.rank_bits));
            }
        }
        let limit = 1 << (LEAF_BITS - 1);
        match self.leaves.iter().position(|leaf| !(-limit..limit).contains(leaf)) {
            Some(index) => Err(range("leaf", index, i64::from(self.leaves[index]), LEAF_BITS)),
            None => Ok(()),
        }
    }

    /// Thresholds below a value of a feature: its rank.
    pub fn rank(&self, feature: usize, value: i64) -> usize {
        self.thresholds.get(feature).map_or(0, |t| t.partition_point(|&t| i64::from(t) < value))
    }

    /// The leaf that each tree reaches, as its position in the tree.
    pub fn paths(&self, shape: &Ensemble, values: &[i64]) -> Vec<usize> {
        let ranks: Vec<usize> = values.iter().enumerate().map(|(f, &v)| self.rank(f, v)).collect();
        let descend = |nodes: &[Node]| {
            let mut at = 0;
            while let Some(node) = nodes.get(at) {
                let right = ranks[usize::from(node.feature)] > usize::from(node.rank);
                at = 2 * at + 1 + usize::from(right);
            }
            at - nodes.len()
        };
        self.nodes.chunks_exact(shape.nodes()).map(descend).collect()
    }

    /// The sum of the leaves reached.
    pub fn evaluate(&self, shape: &Ensemble, values: &[i64]) -> i64 {
        let leaves = self.leaves.chunks_exact(1 << shape.depth);
        leaves.zip(self.paths(shape, values)).map(|(leaves, at)| i64::from(leaves[at])).sum()
    }
}

impl std::fmt::Debug for EnsembleParameters {
    /// Shows the counts, never the parameters.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EnsembleParameters({} nodes, {} leaves)", self.nodes.len(), self.leaves.len())
    }
}
