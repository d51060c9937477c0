//! `sotto strategy prove`: a round's slots from features to the proof that the chain verifies, timed.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use alloy::{
    hex,
    primitives::{Address, B256, U256, keccak256},
    sol_types::SolCall as _,
};
use clap::Args;
use eyre::WrapErr as _;
use prometheus::Registry;
use rand::{RngCore as _, rngs::OsRng};
use serde::Serialize;
use sotto_circuits::{KeySet, Layer, LeafCircuit, LeafInputs, LeafProof, Salt, capacity_for};
use sotto_contracts::{IProofVerifier, verifier::encode_proof};
use sotto_model::{Strategy, program::Shape};
use sotto_prover::{
    LeafJob, Prover, ProverConfig, SheetJob, SheetSeconds, Stage, WrapJob, WrappedProof,
    fast::{FastCircuit, Run},
    measure::peak_rss_mb,
    no_deadline,
};
use sotto_types::{MARKET_FEATURES, MarketFeatures, NO_BID, PublicData, Quote, SLOTS, Slot, SlotFeatures};
use tokio_util::sync::CancellationToken;

use super::{check, rows};
use crate::{args::OutputArgs, progress::Spinner};

/// What to prove, for whom, and where to put it.
#[derive(Args, Debug)]
pub(crate) struct ProveArgs {
    /// Directory with strategy.toml and the model
    directory: PathBuf,
    /// Features of market and slot: this row of the data, from 0
    #[arg(long, default_value_t = 0)]
    row: usize,
    /// Rows, as `parity` takes them; the directory's holdout.csv if absent
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Slots of the round: as many rows, from that one on, with the market features of the first
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=SLOTS as i64))]
    slots: u8,
    /// Owner that the strategy's id is bound to
    #[arg(long, default_value = "0x0000000000000000000000000000000000000001", value_name = "ADDRESS")]
    owner: Address,
    /// Chain that the proof is bound to
    #[arg(long, default_value_t = 31337)]
    chain_id: u64,
    /// Settlement contract that the proof is bound to
    #[arg(long, default_value = "0x0000000000000000000000000000000000000001", value_name = "ADDRESS")]
    auction_house: Address,
    /// Prove the leaf alone, which is the inference, with nothing else in memory, and write nothing
    #[arg(long, conflicts_with = "out")]
    leaf: bool,
    /// Directory for the proof and the calldata
    #[arg(long, default_value = ".sotto/proofs", value_name = "DIRECTORY")]
    out: PathBuf,
}

impl ProveArgs {
    pub(super) async fn run(self, output: OutputArgs) -> eyre::Result<()> {
        let strategy = check::load(&self.directory)?;
        let round = self.round(&strategy)?;
        if self.leaf {
            return output.print(&self.prove_leaf(&strategy, &round)?);
        }
        let class = strategy.program().shape().clone();
        let slots = round.slots.len();
        let rows = {
            let _spinner = Spinner::start("building the leaf");
            LeafCircuit::build(&class, capacity_for(slots)?)?.rows()
        };
        let (prover, in_key_set) = start(&class, slots)?;
        {
            let _spinner = Spinner::start("building the circuits");
            prover.warm(vec![(class.clone(), slots)], true).await?;
        }

        let started = Instant::now();
        let (data, wrapped, seconds) = self.prove(&prover, &strategy, &round).await?;
        let total_seconds = started.elapsed().as_secs_f64();
        prover.stop();

        let name = &strategy.manifest().name;
        let calldata = calldata(&wrapped);
        let proof_file = write(&self.out, &format!("{name}.proof"), &wrapped.proof.to_bytes())?;
        let calldata_file =
            write(&self.out, &format!("{name}.calldata"), hex::encode_prefixed(&calldata).as_bytes())?;
        let data_file = write(&self.out, &format!("{name}.data"), &data.to_bytes())?;
        let quotes = sheet(&strategy, &round);
        output.print(&Proven {
            strategy: name.clone(),
            class: class.descriptor(),
            in_key_set,
            slots,
            quote: quotes.first().copied().unwrap_or(NO_BID),
            quotes,
            proof: proof_file,
            calldata: calldata_file,
            data: data_file,
            proof_bytes: encode_proof(wrapped.proof.inner()).len(),
            rows,
            leaf_seconds: seconds.leaf,
            sheet_seconds: seconds.sheet,
            wrap_seconds: total_seconds - seconds.leaf - seconds.sheet,
            total_seconds,
            peak_rss_mb: peak_rss_mb(),
        })
    }

    /// Proves and verifies the leaf.
    fn prove_leaf(&self, strategy: &Strategy, round: &Round) -> eyre::Result<ProvenLeaf> {
        let program = strategy.program();
        let leaf = {
            let _spinner = Spinner::start("building the leaf");
            LeafCircuit::build(program.shape(), capacity_for(round.slots.len())?)?
        };
        let prover = FastCircuit::new(leaf.data())?;
        let inputs = LeafInputs {
            program,
            salt: &Salt::from_bytes(random()),
            owner: self.owner,
            round_id: B256::from(random()),
            features: &round.market,
            slots: &round.slots(),
        };
        let started = Instant::now();
        let run = Run::new(Stage::Sheet, Layer::Leaf);
        let proof = prover.prove(leaf.data(), leaf.witness(&inputs)?, &run)?;
        let leaf_seconds = started.elapsed().as_secs_f64();
        let proof = LeafProof::new(proof);
        leaf.verify(&proof)?;
        Ok(ProvenLeaf {
            strategy: strategy.manifest().name.clone(),
            class: program.shape().descriptor(),
            quotes: proof.quotes().into_iter().take(round.slots.len()).collect(),
            rows: leaf.rows(),
            leaf_seconds,
            peak_rss_mb: peak_rss_mb(),
        })
    }

    /// The rows asked for as one round: its market features are those of the first.
    fn round(&self, strategy: &Strategy) -> eyre::Result<Round> {
        let rows = rows::read(self.data.as_deref(), &self.directory, strategy)?.rows;
        let (first, slots) = (self.row, usize::from(self.slots));
        let asked = first.checked_add(slots).and_then(|end| rows.get(first..end));
        let asked = asked.ok_or_else(|| {
            eyre::eyre!("rows {first} to {} of {} are asked for", first.saturating_add(slots) - 1, rows.len())
        })?;
        let market = asked.first().map_or([0; MARKET_FEATURES], |row| row.market);
        Ok(Round { market, slots: asked.iter().map(|row| row.slot).collect() })
    }

    async fn prove(
        &self,
        prover: &Prover,
        strategy: &Strategy,
        round: &Round,
    ) -> eyre::Result<(PublicData, WrappedProof, SheetSeconds)> {
        let slots = round.slots();
        let round_id = B256::from(random());
        let key_set_root = prover.keys().root();
        let job = SheetJob {
            leaf: LeafJob {
                program: Arc::new(strategy.program().clone()),
                model_salt: Salt::from_bytes(random()),
                owner: self.owner,
                round_id,
                features: round.market,
                slots,
            },
            sheet_salt: Salt::from_bytes(random()),
            commit_index: 0,
            key_set_root,
        };
        let (sheet, seconds) = prover.prove_sheet_timed(job, no_deadline(), CancellationToken::new()).await?;
        let (claims, sheets) = (sheet.statement.claims, sheet.statement.sheets);
        let data = PublicData { round_id, key_set_root, features: round.market, slots, claims, sheets };
        let job =
            WrapJob { sheet, data: data.clone(), chain_id: self.chain_id, auction_house: self.auction_house };
        let wrapped = prover.wrap(job, no_deadline(), CancellationToken::new()).await?;
        Ok((data, wrapped, seconds))
    }
}

/// A prover whose key set allows the class, and whether that is the committed one.
fn start(class: &Shape, slots: usize) -> eyre::Result<(Prover, bool)> {
    let (config, registry) = (ProverConfig::default(), Registry::new());
    if KeySet::committed()?.key(class.id(), capacity_for(slots)?).is_some() {
        return Ok((Prover::start(config, &registry)?, true));
    }
    let _spinner = Spinner::start("building the circuits of a new class");
    Ok((Prover::start_for(config, &[(class.clone(), slots)], &registry)?, false))
}

/// A round's features.
#[derive(Debug)]
struct Round {
    market: MarketFeatures,
    slots: Vec<SlotFeatures>,
}

impl Round {
    /// Its slots, with commitments at random.
    fn slots(&self) -> [Slot; SLOTS] {
        let mut slots = [Slot::default(); SLOTS];
        for (slot, features) in slots.iter_mut().zip(&self.slots) {
            *slot = Slot { commitment: keccak256(random::<32>()), features: *features };
        }
        slots
    }
}

/// The quotes of a round, by the reference executor.
fn sheet(strategy: &Strategy, round: &Round) -> Vec<Quote> {
    let mut slots = [None; SLOTS];
    slots.iter_mut().zip(&round.slots).for_each(|(slot, features)| *slot = Some(*features));
    let sheet = strategy.program().sheet(&round.market, &slots);
    sheet.into_iter().take(round.slots.len()).collect()
}

/// The call that a deployed verifier answers with true.
fn calldata(wrapped: &WrappedProof) -> Vec<u8> {
    let public_inputs = wrapped.public_inputs.map(U256::from);
    let proof = encode_proof(wrapped.proof.inner()).into();
    IProofVerifier::verifyCall { publicInputs: public_inputs, proof }.abi_encode()
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    OsRng.fill_bytes(&mut bytes);
    bytes
}

fn write(directory: &Path, name: &str, bytes: &[u8]) -> eyre::Result<PathBuf> {
    fs::create_dir_all(directory)?;
    let path = directory.join(name);
    fs::write(&path, bytes).wrap_err_with(|| format!("{} cannot be written", path.display()))?;
    Ok(path)
}

#[derive(Debug, Serialize)]
struct Proven {
    strategy: String,
    class: String,
    /// Whether the committed key set allows the class. If not, the proof is under a set of the strategy's own key.
    in_key_set: bool,
    slots: usize,
    /// Of the first slot, in pips.
    quote: Quote,
    /// Of all slots, in pips.
    quotes: Vec<Quote>,
    proof: PathBuf,
    calldata: PathBuf,
    data: PathBuf,
    /// As the contract takes it.
    proof_bytes: usize,
    /// Of the leaf, before padding.
    rows: usize,
    leaf_seconds: f64,
    sheet_seconds: f64,
    wrap_seconds: f64,
    /// From features to the wrapped proof, circuits already built.
    total_seconds: f64,
    peak_rss_mb: Option<u64>,
}

impl fmt::Display for Proven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} ({}) quotes {:?} pips", self.strategy, self.class, self.quotes)?;
        if !self.in_key_set {
            writeln!(
                f,
                "the committed key set does not allow this class: proven under a set of its own key"
            )?;
        }
        writeln!(f, "leaf       {:>8.3} s, {} rows", self.leaf_seconds, self.rows)?;
        writeln!(f, "sheet      {:>8.3} s", self.sheet_seconds)?;
        writeln!(f, "wrap       {:>8.3} s", self.wrap_seconds)?;
        write!(f, "total      {:>8.3} s", self.total_seconds)?;
        if let Some(peak) = self.peak_rss_mb {
            write!(f, ", {peak} MiB at the peak")?;
        }
        writeln!(f)?;
        writeln!(f, "proof      {} ({} bytes on chain)", self.proof.display(), self.proof_bytes)?;
        write!(f, "calldata   {}", self.calldata.display())
    }
}

#[derive(Debug, Serialize)]
struct ProvenLeaf {
    strategy: String,
    class: String,
    /// Of all slots, in pips.
    quotes: Vec<Quote>,
    /// Before padding.
    rows: usize,
    /// From features to the proof, the circuit already built.
    leaf_seconds: f64,
    /// Building included.
    peak_rss_mb: Option<u64>,
}

impl fmt::Display for ProvenLeaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} ({}) quotes {:?} pips", self.strategy, self.class, self.quotes)?;
        write!(f, "leaf       {:>8.3} s, {} rows", self.leaf_seconds, self.rows)?;
        match self.peak_rss_mb {
            Some(peak) => write!(f, ", {peak} MiB at the peak"),
            None => Ok(()),
        }
    }
}
