//! What can go wrong in building, proving, decoding and verifying.

use thiserror::Error;

/// A layer of the proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layer {
    /// The model on the slots.
    Leaf,
    /// A leaf's proof, made smaller.
    Reduction,
    /// One strategy's sheet.
    Sheet,
    /// Two sheets or nodes, merged.
    Node,
    /// A node in the sheets' shape, hidden.
    Seal,
    /// The sheet bound to the public data, on its way to a compact proof.
    Shrink,
    /// The proof that the chain verifies.
    Wrap,
}

impl std::fmt::Display for Layer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Leaf => "leaf",
            Self::Reduction => "reduction",
            Self::Sheet => "sheet",
            Self::Node => "node",
            Self::Seal => "seal",
            Self::Shrink => "shrink",
            Self::Wrap => "wrap",
        })
    }
}

/// An error of this crate.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CircuitError {
    /// No leaf has this number of slots.
    #[error("no leaf of capacity {0}; there are 1, 4, 16 and 32")]
    Capacity(usize),
    /// The class's accumulators could leave the range that the gates decompose.
    #[error("matrix or value {layer} of the class reaches {bound}, over 2^{limit_bits}")]
    Accumulator {
        /// The matrix, or the value for a product.
        layer: usize,
        /// Bound on the accumulator.
        bound: u128,
        /// Bits that the gates decompose.
        limit_bits: u32,
    },
    /// The class on this many slots is too large for one leaf.
    #[error("the leaf would have {rows} rows, more than {limit}")]
    Size {
        /// Rows of the leaf, as estimated.
        rows: usize,
        /// The most that a leaf may have.
        limit: usize,
    },
    /// A circuit would be less secure than all have to be.
    #[error("the {layer} would have too few bits of security in its term {term}")]
    Security {
        /// The circuit.
        layer: Layer,
        /// The first term that is too weak.
        term: &'static str,
    },
    /// The parts of a class are not a shape.
    #[error(transparent)]
    InvalidClass(#[from] sotto_model::program::ShapeError),
    /// A model of one class was given to a circuit of another.
    #[error("the circuit is for {expected}, the model is {got}")]
    Class {
        /// Descriptor of the circuit's class.
        expected: String,
        /// Descriptor of the model's class.
        got: String,
    },
    /// A slot with an intent stands at or after the leaf's capacity.
    #[error("slot {slot} is not empty, the leaf serves the first {capacity} slots")]
    SlotBeyondCapacity {
        /// The slot.
        slot: usize,
        /// The leaf's capacity.
        capacity: usize,
    },
    /// The direction feature of a slot that is not empty is neither 0 nor 1.
    #[error("slot {slot} has direction {direction}")]
    Direction {
        /// The slot.
        slot: usize,
        /// Its direction feature.
        direction: i32,
    },
    /// A circuit came out with another degree than its layer is pinned to.
    #[error("the {layer} has 2^{got} rows, its layer is pinned to 2^{expected}")]
    Degree {
        /// The layer.
        layer: Layer,
        /// log2 of the pinned number of rows.
        expected: usize,
        /// log2 of the number of rows.
        got: usize,
    },
    /// A sheet circuit differs in shape from the one that all sheet circuits share.
    #[error("the sheet circuit of {descriptor} differs from the shared shape in {what}")]
    Shape {
        /// The class.
        descriptor: String,
        /// The first part that differs.
        what: &'static str,
    },
    /// There is no such node, or it has other children.
    #[error("no node of level {level} has these children; there are levels 1 to 4")]
    Level {
        /// The level.
        level: usize,
    },
    /// A commit index that cannot be carried.
    #[error("commit index {0} is out of range")]
    CommitIndex(u32),
    /// The circuit's inputs have no witness: they do not satisfy the statement.
    #[error("the {layer} cannot be proved: {reason}")]
    Unprovable {
        /// The layer.
        layer: Layer,
        /// What kind of contradiction it is; never a value, for values are private.
        reason: &'static str,
    },
    /// A proof is not valid.
    #[error("invalid {layer} proof: {reason}")]
    Invalid {
        /// The layer.
        layer: Layer,
        /// The proof system's words.
        reason: String,
    },
    /// Bytes that are no proof.
    #[error("bytes are no {layer} proof: {what}, expected {expected}, got {got}")]
    Decode {
        /// The layer.
        layer: Layer,
        /// What is wrong.
        what: &'static str,
        /// The right value, where it is a count.
        expected: usize,
        /// The value found, where it is a count.
        got: usize,
    },
    /// A proof's public input differs from what it should say.
    #[error("public input {what}[{index}]: expected {expected}, got {got}")]
    PublicInput {
        /// Field of the public inputs.
        what: &'static str,
        /// Position in the field.
        index: usize,
        /// The right value.
        expected: u64,
        /// The value found.
        got: u64,
    },
    /// A key is not in the key set.
    #[error("no key for class {class_id:#010x} with this digest and cap in the key set")]
    KeyNotInSet {
        /// The class.
        class_id: u32,
    },
    /// The key set cannot hold these keys.
    #[error("key set: {what} ({index})")]
    KeySet {
        /// What is wrong.
        what: &'static str,
        /// Position of the offending key.
        index: usize,
    },
}

impl CircuitError {
    /// [`Self::Unprovable`] without the proof system's words, which quote values of the witness.
    pub fn unprovable(layer: Layer, error: &impl std::fmt::Display) -> Self {
        let words = error.to_string();
        let reason = if words.contains("set twice") {
            "two parts of the inputs contradict each other"
        } else if words.contains("weren't run") {
            "inputs are missing"
        } else {
            "the inputs have no witness"
        };
        Self::Unprovable { layer, reason }
    }
}
