//! Merging sheets as a service: nodes of four levels, and the seal that makes the last one zero-knowledge and wrappable.

use std::{fmt, sync::OnceLock};

use parking_lot::ReentrantMutex;
use sotto_circuits::{
    CircuitError, KeySet, KeyedSheet, Layer, NodeCircuit, NodeProof, SealCircuit, SheetKey, SheetProof,
    SheetShape,
};
use sotto_types::{LEVELS, SLOTS, Standing, StandingError};
use thiserror::Error;

use crate::{
    ProveError, ProvenSheet, SheetStatement, Stage,
    fast::{FastCircuit, Run},
    service::{Limits, refused},
};

/// Why two parts of a tournament do not merge.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum MergeError {
    /// The sides are of different levels, or of the last one.
    #[error("parts of levels {left} and {right} do not merge")]
    Levels {
        /// Level on the left, 0 for a sheet.
        left: usize,
        /// Level on the right.
        right: usize,
    },
    /// The seal of a node takes a sheet's place: a tournament is made of lone sheets.
    #[error("a seal of {sheets} sheets takes the place of one")]
    Sealed {
        /// Sheets that it covers.
        sheets: usize,
    },
    /// The sides are of different rounds, snapshots or slots.
    #[error("the sides are of different rounds")]
    Round,
    /// The sides speak of different key sets.
    #[error("the sides speak of different key sets")]
    KeySet,
    /// The sides' sheets do not follow one another.
    #[error(transparent)]
    Standing(#[from] StandingError),
}

/// A verified proof of a node. Not zero-knowledge: it stays with those who may see the sheets' proofs.
#[derive(Clone)]
pub struct ProvenNode {
    /// The level, 1 to 4.
    pub level: usize,
    /// Canonical encoding of the proof.
    pub bytes: Vec<u8>,
    /// What it shows.
    pub statement: SheetStatement,
    proof: NodeProof,
}

impl fmt::Debug for ProvenNode {
    /// Shows the level alone: the rest tells what losing sheets bid.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProvenNode").field("level", &self.level).finish_non_exhaustive()
    }
}

impl ProvenNode {
    fn new(level: usize, proof: NodeProof) -> Self {
        let Standing { claims, sheets } = proof.standing();
        let statement = SheetStatement {
            round_digest: proof.round_digest(),
            key_set_root: proof.key_set_root(),
            claims,
            sheets,
        };
        Self { level, bytes: proof.to_bytes(), statement, proof }
    }
}

/// A part of a tournament: what a merge takes.
#[derive(Clone, Debug)]
pub enum Part {
    /// A sheet.
    Sheet(ProvenSheet),
    /// A node.
    Node(ProvenNode),
}

impl Part {
    /// The level; a sheet's is 0.
    pub const fn level(&self) -> usize {
        match self {
            Self::Sheet(_) => 0,
            Self::Node(node) => node.level,
        }
    }

    /// What it shows.
    pub const fn statement(&self) -> &SheetStatement {
        match self {
            Self::Sheet(sheet) => &sheet.statement,
            Self::Node(node) => &node.statement,
        }
    }
}

impl Part {
    /// The node, if it is one.
    pub(crate) fn node(self) -> Result<ProvenNode, ProveError> {
        match self {
            Self::Node(node) => Ok(node),
            Self::Sheet(_) => Err(no_level(0)),
        }
    }

    /// The sheet, if it is one.
    pub(crate) fn sheet(self) -> Result<ProvenSheet, ProveError> {
        match self {
            Self::Sheet(sheet) => Ok(sheet),
            Self::Node(node) => Err(no_level(node.level)),
        }
    }
}

/// A merge: of two sheets, of two nodes of one level, or of one of these with nothing, which lifts it a level.
#[derive(Clone, Debug)]
pub struct MergeJob {
    /// The part with the lower commit indices.
    pub left: Part,
    /// The part with the higher ones.
    pub right: Option<Part>,
}

impl MergeJob {
    /// Level of the result.
    pub const fn level(&self) -> usize {
        self.left.level() + 1
    }

    /// What the result will show.
    ///
    /// # Errors
    /// Why the sides do not merge.
    pub fn statement(&self) -> Result<SheetStatement, MergeError> {
        let left = self.left.statement();
        let too_high = self.left.level() >= LEVELS;
        let other = self.right.as_ref().filter(|right| right.level() != self.left.level());
        if too_high || other.is_some() {
            let right = self.right.as_ref().map_or(0, Part::level);
            return Err(MergeError::Levels { left: self.left.level(), right });
        }
        for part in [Some(&self.left), self.right.as_ref()].into_iter().flatten() {
            let sheets = part.statement().standing().covered().len();
            if part.level() == 0 && sheets > 1 {
                return Err(MergeError::Sealed { sheets });
            }
        }
        let Some(right) = self.right.as_ref().map(Part::statement) else { return Ok(left.clone()) };
        if left.round_digest != right.round_digest {
            return Err(MergeError::Round);
        }
        if left.key_set_root != right.key_set_root {
            return Err(MergeError::KeySet);
        }
        let Standing { claims, sheets } = left.standing().merge(&right.standing(), self.level())?;
        Ok(SheetStatement { claims, sheets, ..left.clone() })
    }
}

#[derive(Debug)]
struct Node {
    circuit: NodeCircuit,
    prover: FastCircuit,
}

#[derive(Debug)]
struct Seal {
    circuit: SealCircuit,
    prover: FastCircuit,
}

/// The circuits of the levels, each built when first needed, one at a time: seconds, and some hundred MB of memory.
#[derive(Debug, Default)]
pub(crate) struct TournamentCircuits {
    building: ReentrantMutex<()>,
    nodes: [OnceLock<Node>; LEVELS],
    seals: [OnceLock<Seal>; LEVELS],
}

/// What jobs of a tournament are proven with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tournament<'a> {
    pub(crate) circuits: &'a TournamentCircuits,
    pub(crate) shape: &'a SheetShape,
    pub(crate) keys: &'a KeySet,
}

const fn no_level(level: usize) -> ProveError {
    ProveError::Circuit { stage: Stage::Merge, source: CircuitError::Level { level } }
}

impl Tournament<'_> {
    fn node(&self, level: usize) -> Result<&Node, ProveError> {
        let slot = level.checked_sub(1).and_then(|at| self.circuits.nodes.get(at));
        let slot = slot.ok_or_else(|| no_level(level))?;
        let _building = self.circuits.building.lock();
        if let Some(node) = slot.get() {
            return Ok(node);
        }
        let circuit = match level {
            1 => NodeCircuit::first(self.shape),
            _ => refused(Stage::Build, self.node(level - 1)?.circuit.next())?,
        };
        let prover = FastCircuit::new(circuit.data())?;
        Ok(slot.get_or_init(|| Node { circuit, prover }))
    }

    fn sealing(&self, level: usize) -> Result<&Seal, ProveError> {
        let slot = level.checked_sub(1).and_then(|at| self.circuits.seals.get(at));
        let slot = slot.ok_or_else(|| no_level(level))?;
        let _building = self.circuits.building.lock();
        if let Some(seal) = slot.get() {
            return Ok(seal);
        }
        let circuit = refused(Stage::Build, SealCircuit::build(&self.node(level)?.circuit, self.shape))?;
        let prover = FastCircuit::new(circuit.data())?;
        Ok(slot.get_or_init(|| Seal { circuit, prover }))
    }

    /// Builds nodes and seals up to a level.
    pub(crate) fn warm(&self, level: usize) -> Result<(), ProveError> {
        for level in 1..=level {
            self.sealing(level)?;
        }
        Ok(())
    }

    fn keyed<'b>(&'b self, sheet: &'b ProvenSheet) -> Result<KeyedSheet<'b>, CircuitError> {
        Ok(KeyedSheet { proof: sheet.proof(), key: self.key(sheet.class_id, sheet.capacity)? })
    }

    fn key(&self, class_id: u32, capacity: usize) -> Result<&SheetKey, CircuitError> {
        self.keys.key(class_id, capacity).ok_or(CircuitError::KeyNotInSet { class_id })
    }

    /// Proves a node, and verifies that it shows what merging gives.
    pub(crate) fn merge(&self, job: &MergeJob, limits: &Limits) -> Result<ProvenNode, ProveError> {
        let stage = limits.stage;
        let expected = job.statement().map_err(|source| ProveError::Unmergeable { source })?;
        let Node { circuit, prover } = self.node(job.level())?;
        let witness = match (&job.left, &job.right) {
            (Part::Sheet(left), right) => {
                let right = match right {
                    Some(Part::Sheet(right)) => Some(refused(stage, self.keyed(right))?),
                    _ => None,
                };
                circuit.witness_of_sheets(refused(stage, self.keyed(left))?, right, self.keys)
            }
            (Part::Node(left), right) => {
                let right = right.as_ref().and_then(|right| match right {
                    Part::Node(right) => Some(&right.proof),
                    Part::Sheet(_) => None,
                });
                circuit.witness_of_nodes(&left.proof, right)
            }
        };
        let stop = || limits.check();
        let run = Run::new(stage, Layer::Node).until(&stop);
        let proof = NodeProof::new(prover.prove(circuit.data(), refused(stage, witness)?, &run)?);
        refused(stage, circuit.verify(&proof))?;
        expect(Layer::Node, ProvenNode::new(job.level(), proof), |node| node.statement == expected)
            .or_else(|source| refused(stage, Err(source)))
    }

    /// Seals a node: a proof of the sheets' shape that shows the same and hides the rest.
    pub(crate) fn seal(&self, node: &ProvenNode, limits: &Limits) -> Result<ProvenSheet, ProveError> {
        let stage = limits.stage;
        let Seal { circuit, prover } = self.sealing(node.level)?;
        let stop = || limits.check();
        let run = Run::new(stage, Layer::Seal).until(&stop);
        let witness = refused(stage, circuit.witness(&node.proof))?;
        let proof = SheetProof::new(prover.prove(circuit.data(), witness, &run)?);
        let key = circuit.key();
        refused(stage, proof.verify(self.shape, &key))?;
        expect(Layer::Seal, ProvenSheet::new(key.class_id, SLOTS, proof), |sealed| {
            sealed.statement == node.statement
        })
        .or_else(|source| refused(stage, Err(source)))
    }

    /// Decodes and verifies a node's proof from outside.
    pub(crate) fn verify_node(&self, level: usize, bytes: &[u8]) -> Result<ProvenNode, ProveError> {
        let circuit = &self.node(level)?.circuit;
        let proof = refused(Stage::Verify, circuit.proof_from_bytes(bytes))?;
        refused(Stage::Verify, circuit.verify(&proof))?;
        Ok(ProvenNode::new(level, proof))
    }
}

/// Refuses a valid proof of something else.
fn expect<T>(layer: Layer, proven: T, as_expected: impl FnOnce(&T) -> bool) -> Result<T, CircuitError> {
    if as_expected(&proven) {
        return Ok(proven);
    }
    Err(CircuitError::Invalid { layer, reason: "it shows another statement".into() })
}
