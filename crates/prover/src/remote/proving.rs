//! The service's jobs on workers: how sheets and wraps travel, how a worker proves them, how the service falls back.

use std::{marker::PhantomData, sync::Arc, time::Instant};

use bytes::Bytes;
use futures::{FutureExt as _, future::BoxFuture};
use sotto_circuits::{CircuitError, Layer, model_commitment, round_digest, sheet_commitment, strategy_id};
use sotto_types::{Digest, SheetRef, Slot, slots_bytes};
use tokio_util::sync::CancellationToken;

use super::{
    Handler, Kind, Private, Public, Reach, RemoteError, RemoteJob, RemoteQueue, Task,
    content::{Reader, Writer},
    program,
};
use crate::{
    LeafJob, MergeJob, OpenJob, ProveError, ProvenNode, ProvenSheet, Prover, SheetJob, Stage, WrapJob,
    WrappedProof, service::refused,
};

/// A leaf and the sheet around it, from the weights.
pub const SHEET: Kind = Kind::new("sheet");
/// Two sheets or nodes into one. A part shows every quote in it, those of losing sheets too.
pub const MERGE: Kind = Kind::new("merge");
/// The proof for the chain, from a zero-knowledge proof and data that becomes public.
pub const WRAP: Kind = Kind::new("wrap");
/// Kinds of a public queue.
pub const PUBLIC_KINDS: [Kind; 1] = [WRAP];
/// Kinds of a private queue.
pub const PRIVATE_KINDS: [Kind; 3] = [SHEET, WRAP, MERGE];

impl RemoteJob for SheetJob {
    type Reach = Private;

    fn kind(&self) -> Kind {
        SHEET
    }

    fn encode(&self) -> Vec<u8> {
        let Self { leaf, sheet_salt, commit_index, key_set_root } = self;
        let mut out = Writer::default();
        program::write(&mut out, &leaf.program);
        out.fixed(&leaf.model_salt.to_bytes()).fixed(leaf.owner.as_slice()).fixed(leaf.round_id.as_slice());
        leaf.features.iter().for_each(|&x| {
            out.small(x);
        });
        out.fixed(&slots_bytes(&leaf.slots)).fixed(&sheet_salt.to_bytes());
        out.number((*commit_index).into()).fixed(key_set_root.to_word().as_slice());
        out.finish()
    }
}

impl SheetJob {
    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut from = Reader::new(bytes);
        let program = Arc::new(program::read(&mut from)?);
        let (model_salt, owner, round_id) = (from.salt()?, from.address()?, from.b256()?);
        let mut features = [0; sotto_types::MARKET_FEATURES];
        for feature in &mut features {
            *feature = from.small()?;
        }
        let job = Self {
            leaf: LeafJob { program, model_salt, owner, round_id, features, slots: from.slots()? },
            sheet_salt: from.salt()?,
            commit_index: u32::try_from(from.number()?).ok()?,
            key_set_root: from.digest()?,
        };
        from.end().map(|()| job)
    }

    /// What the sheet's proof has to show, computed from the job alone.
    fn shows(&self) -> Option<SheetRef> {
        let LeafJob { program, model_salt, owner, features, slots, .. } = &self.leaf;
        let strategy = strategy_id(*owner, program.shape().id(), model_commitment(program, model_salt));
        let read = |slot: &Slot| (!slot.is_empty()).then_some(slot.features);
        let quotes = program.sheet(features, &slots.each_ref().map(read));
        let commitment = sheet_commitment(strategy, self.round_digest(), &quotes, &self.sheet_salt);
        Some(SheetRef { index: self.commit_index.checked_add(1)?, strategy, commitment })
    }

    fn round_digest(&self) -> Digest {
        round_digest(self.leaf.round_id, &self.leaf.features, &self.leaf.slots)
    }

    /// Refuses a valid proof of something else.
    fn check(&self, proven: &ProvenSheet) -> Result<(), ProveError> {
        let statement = &proven.statement;
        let same = statement.round_digest == self.round_digest()
            && statement.key_set_root == self.key_set_root
            && statement.sheets.first().copied() == self.shows();
        if same { Ok(()) } else { Err(invalid(Layer::Sheet, "the sheet is not the one that was asked for")) }
    }
}

/// A wrap on its way to anybody's worker.
#[derive(Debug)]
struct Wrap(OpenJob);

impl RemoteJob for Wrap {
    type Reach = Public;

    fn kind(&self) -> Kind {
        WRAP
    }

    fn encode(&self) -> Vec<u8> {
        self.0.to_bytes()
    }
}

/// A merge on its way to a worker of the aggregator's own account.
#[derive(Debug)]
struct Merge(OpenJob);

impl RemoteJob for Merge {
    type Reach = Private;

    fn kind(&self) -> Kind {
        MERGE
    }

    fn encode(&self) -> Vec<u8> {
        self.0.to_bytes()
    }
}

fn invalid(layer: Layer, reason: &str) -> ProveError {
    ProveError::Circuit {
        stage: Stage::Verify,
        source: CircuitError::Invalid { layer, reason: reason.into() },
    }
}

/// The queues that a prover may use; without any it proves at home.
#[derive(Clone, Debug, Default)]
pub struct RemoteProving {
    /// For wraps.
    pub public: Option<RemoteQueue<Public>>,
    /// For sheets and merges, whose inputs are secrets: workers of the own account.
    pub private: Option<RemoteQueue<Private>>,
}

/// Every method gives the verified proof of a worker, or `None` when the job is to be proved at home.
impl RemoteProving {
    pub(crate) async fn sheet(
        &self,
        home: &Prover,
        job: &SheetJob,
        deadline: Instant,
        cancel: &CancellationToken,
    ) -> Option<ProvenSheet> {
        let queue = self.private.as_ref()?;
        let (home, asked) = (home.clone(), Arc::new(job.clone()));
        let verify = move |bytes: Bytes| {
            let (home, asked) = (home.clone(), Arc::clone(&asked));
            async move {
                let capacity = refused(Stage::Sheet, asked.leaf.capacity())?;
                let class = asked.leaf.program.shape().id();
                let proven = home.verify_sheet(class, capacity, bytes.to_vec()).await?;
                // Hashing the weights and running the model take milliseconds.
                home.beside(Stage::Verify, move || asked.check(&proven).map(|()| proven)).await
            }
            .boxed()
        };
        at_home(SHEET, queue.submit(job, deadline, cancel, verify).await)
    }

    pub(crate) async fn merge(
        &self,
        home: &Prover,
        job: &MergeJob,
        deadline: Instant,
        cancel: &CancellationToken,
    ) -> Option<ProvenNode> {
        let queue = self.private.as_ref()?;
        let (home, asked) = (home.clone(), Arc::new(job.clone()));
        let verify = move |bytes: Bytes| {
            let (home, asked) = (home.clone(), Arc::clone(&asked));
            async move { home.accept_node(&asked, bytes.to_vec()).await }.boxed()
        };
        at_home(MERGE, queue.submit(&Merge(job.into()), deadline, cancel, verify).await)
    }

    pub(crate) async fn wrap(
        &self,
        home: &Prover,
        job: &WrapJob,
        deadline: Instant,
        cancel: &CancellationToken,
    ) -> Option<WrappedProof> {
        let queue = self.public.as_ref()?;
        let (home, asked) = (home.clone(), Arc::new(job.clone()));
        let verify = move |bytes: Bytes| {
            let (home, asked) = (home.clone(), Arc::clone(&asked));
            async move { home.accept_wrap(&asked, bytes.to_vec()).await }.boxed()
        };
        at_home(WRAP, queue.submit(&Wrap(job.into()), deadline, cancel, verify).await)
    }
}

fn at_home<T>(kind: Kind, outcome: Result<T, RemoteError>) -> Option<T> {
    match outcome {
        Ok(proof) => Some(proof),
        Err(RemoteError::Cancelled) => None,
        Err(error) => {
            tracing::warn!(%kind, %error, "no worker proved it; proving in this process");
            None
        }
    }
}

/// The real prover as a worker's handler.
#[derive(Debug)]
pub struct ProverHandler<R> {
    prover: Prover,
    threads: usize,
    reach: PhantomData<R>,
}

impl<R: Reach> ProverHandler<R> {
    /// A handler around a prover of this many threads.
    pub const fn new(prover: Prover, threads: usize) -> Self {
        Self { prover, threads, reach: PhantomData }
    }
}

/// Proves what a task holds. Proofs in it are verified first, and so is the result.
async fn prove(prover: Prover, task: Task) -> Result<Vec<u8>, ProveError> {
    let Task { kind, input, deadline, cancel } = task;
    if kind == SHEET.name() {
        let job = SheetJob::decode(&input)
            .ok_or_else(|| invalid(Layer::Sheet, "the job's bytes are no sheet job"))?;
        return Ok(prover.prove_sheet(job, deadline, cancel).await?.bytes);
    }
    let job = OpenJob::from_bytes(&input).map_err(|e| invalid(Layer::Wrap, &e.to_string()))?;
    let named = match &job {
        OpenJob::Wrap { .. } => kind == WRAP.name(),
        OpenJob::Merge { .. } => kind == MERGE.name(),
        OpenJob::Seal { .. } => false,
    };
    if !named {
        return Err(invalid(Layer::Wrap, "the job is of another kind"));
    }
    Ok(prover.run_open(job, deadline, cancel).await?.to_bytes())
}

/// What a prover's queue of this reach carries.
pub trait Proves: Reach {
    /// The kinds of its jobs.
    const KINDS: &'static [Kind];
}

impl Proves for Public {
    const KINDS: &'static [Kind] = &PUBLIC_KINDS;
}

impl Proves for Private {
    const KINDS: &'static [Kind] = &PRIVATE_KINDS;
}

impl<R: Proves> Handler for ProverHandler<R> {
    type Reach = R;

    fn kinds(&self) -> Vec<Kind> {
        R::KINDS.to_vec()
    }

    fn circuits(&self) -> Vec<String> {
        self.prover.held()
    }

    fn threads(&self) -> usize {
        self.threads
    }

    fn prove(&self, task: Task) -> BoxFuture<'static, Result<Vec<u8>, ProveError>> {
        prove(self.prover.clone(), task).boxed()
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Address, B256};
    use sotto_circuits::Salt;
    use sotto_model::program::{
        Activation, Dense, Ensemble, EnsembleParameters, Function, InputMap, Linear, MatrixShape, Node, Op,
        OutputMap, Policy, Program, Shape,
    };
    use sotto_types::{Digest, MODEL_FEATURES, SLOTS};

    use super::*;

    /// A program with an operation of every kind.
    fn program() -> Program {
        let wide = Linear { matrix: 0, columns: vec![vec![0, 1]], activation: Activation::Wide };
        let signed = Linear { matrix: 1, columns: vec![vec![2, 3]], activation: Activation::Signed };
        let ensemble = Ensemble { features: vec![36], trees: 2, depth: 2, rank_bits: 2 };
        let ops = vec![
            Op::Linear(wide),
            Op::Linear(signed),
            Op::Product { pairs: vec![[37, 37]] },
            Op::Function { function: Function::Exp, values: vec![38] },
            Op::Ensemble(ensemble.clone()),
        ];
        let matrices = vec![
            MatrixShape { rows: 1, inputs: 2 },
            MatrixShape { rows: 1, inputs: 2 },
            MatrixShape { rows: 1, inputs: 2 },
        ];
        let shape = Shape::new(matrices, ops, OutputMap { matrix: 2, values: vec![39, 40] }).unwrap();
        let dense = |w: i32| Dense { weights: vec![w, -w], biases: vec![i64::from(w) * 3] };
        let trees = EnsembleParameters {
            thresholds: vec![vec![-5, 0, 7]],
            nodes: vec![Node { feature: 0, rank: 1 }; 6],
            leaves: vec![1, -2, 3, -4, 5, -6, 7, -8],
        };
        let inputs = [InputMap { lo: -10, hi: 10, mult: 3 }; MODEL_FEATURES];
        let policy = Policy { min_quote: -7, max_quote: 9, max_slots: 3 };
        Program::new(shape, inputs, vec![dense(5), dense(6), dense(7)], vec![trees], policy).unwrap()
    }

    fn sheet_job() -> SheetJob {
        let mut slots = [Slot::default(); SLOTS];
        slots[0] = Slot { commitment: B256::repeat_byte(4), features: [1, -2, i32::MAX, i32::MIN + 1] };
        SheetJob {
            leaf: LeafJob {
                program: Arc::new(program()),
                model_salt: Salt::from_bytes([1; 16]),
                owner: Address::repeat_byte(2),
                round_id: B256::repeat_byte(3),
                features: std::array::from_fn(|i| i32::try_from(i).unwrap() - 16),
                slots,
            },
            sheet_salt: Salt::from_bytes([5; 16]),
            commit_index: 6,
            key_set_root: Digest::new([1, 2, 3, 4]).unwrap(),
        }
    }

    #[test]
    fn a_sheet_job_arrives_as_it_was_sent() {
        let sent = sheet_job();
        let bytes = sent.encode();
        let got = SheetJob::decode(&bytes).unwrap();
        assert_eq!(got.encode(), bytes);
        assert_eq!(got.leaf, sent.leaf);
        assert_eq!(got.commit_index, 6);
        assert_eq!(got.shows(), sent.shows());
    }

    // covers: Z3
    #[test]
    fn cut_extended_and_flipped_jobs_are_errors_and_never_panics() {
        let bytes = sheet_job().encode();
        for cut in 0..bytes.len() {
            assert!(SheetJob::decode(&bytes[..cut]).is_none(), "cut at {cut}");
        }
        assert!(SheetJob::decode(&[bytes.clone(), vec![0]].concat()).is_none());
        for at in 0..bytes.len() {
            for bit in [0, 7] {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                if let Some(job) = SheetJob::decode(&flipped) {
                    assert_eq!(job.encode(), flipped, "two encodings of one job, byte {at}");
                }
            }
        }
    }
}
