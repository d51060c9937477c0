//! A small circuit with real proofs, so that faults are tested in seconds; and workers that prove it well or badly.

use std::sync::{Arc, Mutex, OnceLock};

use bytes::Bytes;
use futures::{FutureExt as _, future::BoxFuture};
use plonky2::{
    field::types::{Field, PrimeField64},
    hash::poseidon::PoseidonHash,
    iop::{
        target::Target,
        witness::{PartialWitness, WitnessWrite},
    },
    plonk::{circuit_data::CircuitConfig, proof::ProofWithPublicInputs},
};
use sotto_circuits::{
    CircuitError, Layer,
    field::{Builder, C, CircuitData, D, F},
};
use sotto_prover::{
    ProveError, Stage,
    remote::{Handler, Kind, Public, RemoteJob, Task},
};
use tokio_util::sync::CancellationToken;

pub(crate) const TINY: Kind = Kind::new("tiny");

/// Prove knowledge of the preimage `seed` of a chain of hashes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TinyJob {
    pub(crate) seed: u64,
    /// The [`Gate`] at which the worker waits before it proves, so that it can be disturbed; none if 0.
    pub(crate) gate: u64,
    /// Kills the process that decodes it.
    pub(crate) poisoned: bool,
    /// Bytes of filling.
    pub(crate) padding: usize,
}

impl TinyJob {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, gate: 0, poisoned: false, padding: 0 }
    }
}

/// Holds workers of this process up until it is opened, and those of other processes for ever.
pub(crate) struct Gate {
    number: u64,
    open: CancellationToken,
}

fn gates() -> &'static Mutex<Vec<CancellationToken>> {
    static GATES: Mutex<Vec<CancellationToken>> = Mutex::new(Vec::new());
    &GATES
}

impl Gate {
    pub(crate) fn closed() -> Self {
        let open = CancellationToken::new();
        let mut all = gates().lock().unwrap();
        all.push(open.clone());
        Self { number: all.len() as u64, open }
    }

    pub(crate) fn open(&self) {
        self.open.cancel();
    }

    /// A job that waits here.
    pub(crate) fn job(&self, seed: u64) -> TinyJob {
        TinyJob { gate: self.number, ..TinyJob::new(seed) }
    }

    async fn pass(number: u64) {
        let gate = usize::try_from(number).unwrap().checked_sub(1);
        let Some(gate) = gate else { return };
        let open = gates().lock().unwrap().get(gate).cloned();
        open.unwrap_or_default().cancelled().await;
    }
}

impl RemoteJob for TinyJob {
    type Reach = Public;

    fn kind(&self) -> Kind {
        TINY
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = [self.seed, self.gate, u64::from(self.poisoned)].map(u64::to_be_bytes).concat();
        bytes.resize(24 + self.padding, 7);
        bytes
    }
}

struct Tiny {
    data: CircuitData<C>,
    seed: Target,
}

fn circuit() -> &'static Tiny {
    static BUILT: OnceLock<Tiny> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut builder = Builder::new(CircuitConfig::standard_recursion_config());
        let seed = builder.add_virtual_target();
        let mut state = vec![seed];
        for _ in 0..8 {
            state = builder.hash_n_to_hash_no_pad::<PoseidonHash>(state).elements.to_vec();
        }
        builder.register_public_input(seed);
        builder.register_public_inputs(&state);
        Tiny { data: builder.build::<C>(), seed }
    })
}

pub(crate) fn prove(seed: u64) -> Vec<u8> {
    let tiny = circuit();
    let mut witness = PartialWitness::new();
    witness.set_target(tiny.seed, F::from_canonical_u64(seed)).unwrap();
    tiny.data.prove(witness).unwrap().to_bytes()
}

/// What every submitter does before it trusts a proof.
pub(crate) fn verify(seed: u64, bytes: &[u8]) -> Result<u64, ProveError> {
    let wrong = |reason: String| ProveError::Circuit {
        stage: Stage::Verify,
        source: CircuitError::Invalid { layer: Layer::Leaf, reason },
    };
    let tiny = circuit();
    if bytes.len() < 1000 {
        return Err(wrong("too short".into()));
    }
    let proof = ProofWithPublicInputs::<F, C, D>::from_bytes(bytes.to_vec(), &tiny.data.common)
        .map_err(|e| wrong(e.to_string()))?;
    if proof.public_inputs.first().map(PrimeField64::to_canonical_u64) != Some(seed) {
        return Err(wrong("a proof of something else".into()));
    }
    tiny.data.verify(proof).map_err(|e| wrong(e.to_string()))?;
    Ok(seed)
}

pub(crate) fn verifier(seed: u64) -> impl Fn(Bytes) -> BoxFuture<'static, Result<u64, ProveError>> + Sync {
    move |bytes| async move { verify(seed, &bytes) }.boxed()
}

/// How a worker behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behaviour {
    Honest,
    /// Proves something else.
    Wrong,
    /// Returns bytes that are no proof.
    Garbage,
    /// Never ends, deaf to cancellation.
    Hang,
    /// Panics.
    Panic,
    /// Says that it cannot.
    Refuse,
}

#[derive(Debug)]
pub(crate) struct TinyHandler {
    pub(crate) behaviour: Behaviour,
    /// Seeds of the jobs that it went on with, in order.
    pub(crate) order: Arc<Mutex<Vec<u64>>>,
}

impl Handler for TinyHandler {
    type Reach = Public;

    fn kinds(&self) -> Vec<Kind> {
        vec![TINY]
    }

    fn circuits(&self) -> Vec<String> {
        vec!["tiny".into()]
    }

    fn threads(&self) -> usize {
        1
    }

    fn prove(&self, task: Task) -> BoxFuture<'static, Result<Vec<u8>, ProveError>> {
        let (behaviour, order) = (self.behaviour, Arc::clone(&self.order));
        async move {
            let number = |at: usize| u64::from_be_bytes(task.input[at..at + 8].try_into().unwrap());
            let (seed, gate, poisoned) = (number(0), number(8), number(16) == 1);
            if poisoned {
                std::process::abort();
            }
            match behaviour {
                Behaviour::Hang => std::future::pending::<()>().await,
                Behaviour::Panic => panic!("a worker's bug"),
                Behaviour::Refuse => return Err(ProveError::Unsupported { what: "anything" }),
                Behaviour::Garbage => return Ok(vec![1; 5000]),
                _ => {}
            }
            tokio::select! {
                () = Gate::pass(gate) => {}
                () = task.cancel.cancelled() => return Err(ProveError::Cancelled { stage: Stage::Wrap }),
            }
            order.lock().unwrap().push(seed);
            let seed = if behaviour == Behaviour::Wrong { seed + 1 } else { seed };
            Ok(tokio::task::spawn_blocking(move || prove(seed)).await.unwrap())
        }
        .boxed()
    }
}
