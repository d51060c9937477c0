//! `sotto strategy compile`: from a directory and a secret to the commitment that is registered.

use std::{
    fmt, fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use alloy::primitives::{Address, B256};
use clap::Args;
use eyre::WrapErr as _;
use serde::Serialize;
use sotto_chain::SignerKey;
use sotto_circuits::{
    CAPACITIES, KeySet, LeafCircuit, SheetCircuit, SheetKey, SheetShape, classes::class_capacities,
    model_commitment, strategy_id,
};
use sotto_model::Strategy;
use sotto_types::Digest;

use super::check;
use crate::{
    args::{OutputArgs, PasswordArgs},
    progress::Spinner,
    salt::model_salt,
};

/// A strategy, and for its commitment the secret that hides its model.
#[derive(Args, Debug)]
pub(crate) struct CompileArgs {
    /// Directory with strategy.toml and the model
    directory: PathBuf,
    /// The strategy's secret, to commit to the model: a key file of its own, made by `sotto keys new`. Without it the
    /// strategy can never bid again, so keep a copy
    #[arg(long, value_name = "FILE", requires = "owner")]
    secret: Option<PathBuf>,
    /// Owner, to whom the strategy's id is bound
    #[arg(long, value_name = "ADDRESS", requires = "secret")]
    owner: Option<Address>,
    #[command(flatten)]
    password: PasswordArgs,
    /// Build the circuits for this many slots (1, 4, 16 or 32); repeat it for more. Otherwise those that a key set takes of
    /// the class are built, unless the committed key set has them
    #[arg(long = "capacity", value_name = "SLOTS", value_parser = capacity)]
    capacities: Vec<usize>,
    /// Add the keys of the circuits to this key file (JSON), making it if it does not exist
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
}

fn capacity(text: &str) -> Result<usize, String> {
    let value: usize = text.parse().map_err(|_| "not a number".to_owned())?;
    if CAPACITIES.contains(&value) { Ok(value) } else { Err(format!("one of {CAPACITIES:?}")) }
}

/// A strategy's directory and secret.
#[derive(Args, Debug)]
pub(crate) struct SecretArgs {
    /// Directory with strategy.toml and the model
    pub(super) directory: PathBuf,
    /// The strategy's secret: a key file of its own, made by `sotto keys new`. Without it the strategy can never bid
    /// again, so keep a copy
    #[arg(long, value_name = "FILE")]
    pub(super) secret: PathBuf,
}

/// What is registered of a strategy.
pub(super) struct Compiled {
    pub(super) strategy: Strategy,
    pub(super) commitment: Digest,
}

impl SecretArgs {
    /// Loads the strategy, decrypts the secret and commits to the model.
    pub(super) fn compile(&self, password: &PasswordArgs) -> eyre::Result<Compiled> {
        let strategy = check::load(&self.directory)?;
        let secret = SignerKey::open(&self.secret, &password.read()?)?;
        let salt = model_salt(&secret, strategy.manifest().model.keccak256);
        let commitment = model_commitment(strategy.program(), &salt);
        Ok(Compiled { strategy, commitment })
    }
}

impl CompileArgs {
    pub(super) fn run(self, output: OutputArgs) -> eyre::Result<()> {
        let secret =
            self.secret.clone().map(|secret| SecretArgs { directory: self.directory.clone(), secret });
        let (strategy, committed) = match (&secret, self.owner) {
            (Some(secret), Some(owner)) => {
                let Compiled { strategy, commitment } = secret.compile(&self.password)?;
                let id = strategy_id(owner, strategy.program().shape().id(), commitment).to_word();
                (strategy, Some(Committed { model_commitment: commitment.to_word(), strategy_id: id }))
            }
            _ => (check::load(&self.directory)?, None),
        };
        let shape = strategy.program().shape();
        let set = KeySet::committed()?;
        let in_key_set = !set.keys_of(shape.id()).is_empty();
        let circuits = self.circuits(&strategy, &set)?;
        if let Some(file) = &self.keys {
            add_keys(file, circuits.iter().map(|circuit| &circuit.key))?;
        }
        output.print(&Report {
            strategy: strategy.manifest().name.clone(),
            class: shape.descriptor(),
            class_id: shape.id(),
            in_key_set,
            circuits,
            committed,
        })
    }

    /// The circuits asked for, built; the committed set's keys when nothing is asked for and it has them.
    fn circuits(&self, strategy: &Strategy, set: &KeySet) -> eyre::Result<Vec<Circuit>> {
        let shape = strategy.program().shape();
        let known = set.keys_of(shape.id());
        if self.capacities.is_empty() && !known.is_empty() {
            return Ok(known.into_iter().map(|key| Circuit { built: None, key: key.clone() }).collect());
        }
        let mut capacities = self.capacities.clone();
        if capacities.is_empty() {
            capacities = class_capacities(shape);
        }
        capacities.sort_unstable();
        capacities.dedup();
        let canonical = SheetShape::canonical()?;
        capacities.into_iter().map(|capacity| build(strategy, capacity, &canonical)).collect()
    }
}

fn build(strategy: &Strategy, capacity: usize, canonical: &SheetShape) -> eyre::Result<Circuit> {
    let _spinner = Spinner::start(format!("building the circuits for {capacity} slots"));
    let leaf = LeafCircuit::build(strategy.program().shape(), capacity)?;
    let info = leaf.info();
    let sheet = SheetCircuit::build(&leaf)?;
    sheet.check_shape(canonical)?;
    let built = Built { rows: info.rows, degree_bits: info.degree_bits };
    Ok(Circuit { built: Some(built), key: sheet.key() })
}

/// Adds keys to a key file; a key of the same class and capacity is replaced.
fn add_keys<'a>(file: &Path, keys: impl Iterator<Item = &'a SheetKey>) -> eyre::Result<()> {
    let mut all: Vec<SheetKey> = match fs::read(file) {
        Ok(bytes) => {
            serde_json::from_slice(&bytes).wrap_err_with(|| format!("{} is no key file", file.display()))?
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error).wrap_err_with(|| format!("{} cannot be read", file.display())),
    };
    for key in keys {
        match all.iter_mut().find(|k| (k.class_id, k.capacity) == (key.class_id, key.capacity)) {
            Some(known) => known.clone_from(key),
            None => all.push(key.clone()),
        }
    }
    KeySet::new(all.clone())?;
    let mut text = serde_json::to_vec_pretty(&all)?;
    text.push(b'\n');
    fs::write(file, text).wrap_err_with(|| format!("{} cannot be written", file.display()))
}

#[derive(Debug, Serialize)]
struct Report {
    strategy: String,
    class: String,
    class_id: u32,
    /// Whether the committed key set allows the class.
    in_key_set: bool,
    circuits: Vec<Circuit>,
    #[serde(flatten)]
    committed: Option<Committed>,
}

/// What is registered.
#[derive(Debug, Serialize)]
struct Committed {
    model_commitment: B256,
    strategy_id: B256,
}

/// The circuits of a capacity.
#[derive(Debug, Serialize)]
struct Circuit {
    #[serde(flatten)]
    built: Option<Built>,
    key: SheetKey,
}

/// Size of a leaf.
#[derive(Debug, Serialize)]
struct Built {
    /// Before padding.
    rows: usize,
    degree_bits: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = if self.in_key_set { "in" } else { "not in" };
        write!(
            f,
            "{}: {} (class {:#010x}), {of} the committed key set",
            self.strategy, self.class, self.class_id
        )?;
        for Circuit { built, key } in &self.circuits {
            write!(f, "\n{:>2} slots", key.capacity)?;
            if let Some(Built { rows, degree_bits }) = built {
                write!(f, "  {rows:>7} rows  2^{degree_bits}")?;
            }
            let [first, ..] = key.digest;
            write!(f, "  key {first:016x}…")?;
        }
        if let Some(Committed { model_commitment, strategy_id }) = &self.committed {
            write!(f, "\nmodel commitment  {model_commitment}\nstrategy id       {strategy_id}")?;
        }
        Ok(())
    }
}
