//! A strategy: its manifest, the network in its model file, and the integer program made of both.

use std::{fs, io::Read, path::Path};

use alloy_primitives::{B256, keccak256};
use sotto_types::{MarketFeatures, SlotFeatures};

use crate::{
    Calibration, FeatureCatalog, Frontend, IntervalReport, Manifest, ModelError, ParityOptions, ParityReport,
    RealProgram, Row, Settings, import::MAX_MODEL_BYTES, import::import, interval::analyse, lower::lower,
    parity, program::Program, quantise,
};

/// Name of the manifest in a strategy's folder.
pub const MANIFEST_FILE: &str = "strategy.toml";

/// A loaded strategy.
#[derive(Clone, Debug)]
pub struct Strategy {
    manifest: Manifest,
    frontend: Frontend,
    intervals: IntervalReport,
    real: RealProgram,
    program: Program,
}

impl Strategy {
    /// Loads `strategy.toml` and the model file beside it, for the market that it names.
    ///
    /// # Errors
    /// As [`Strategy::load_for`].
    pub fn load(dir: &Path) -> Result<Self, ModelError> {
        let manifest = read_manifest(dir)?;
        let catalog = manifest.market.catalog();
        let model = read_model(&dir.join(&manifest.model.file))?;
        Self::build(manifest, &model, &catalog)
    }

    /// Loads `strategy.toml` and the model file beside it, for the features of any market. Reads those two files.
    ///
    /// # Errors
    /// When a file cannot be read, and as [`Strategy::from_parts`].
    pub fn load_for(dir: &Path, catalog: &FeatureCatalog) -> Result<Self, ModelError> {
        let manifest = read_manifest(dir)?;
        let model = read_model(&dir.join(&manifest.model.file))?;
        Self::build(manifest, &model, catalog)
    }

    /// A strategy from the text of its manifest and the bytes of its model file.
    ///
    /// # Errors
    /// When the manifest is malformed, the file is not the one that it pins, the model is not supported, or it does not
    /// fit the integer format.
    pub fn from_parts(manifest: &str, model: &[u8], catalog: &FeatureCatalog) -> Result<Self, ModelError> {
        Self::build(Manifest::parse(manifest)?, model, catalog)
    }

    /// The manifest in a folder, with the ranges that its model shows on rows of the model's inputs in place of those that it
    /// had. Reads the two files; the strategy need not fit the integer format before it is calibrated.
    ///
    /// # Errors
    /// When a file cannot be read, the model is not the one that the manifest pins or is not supported, or a row has
    /// another width.
    pub fn calibrate<'a>(
        dir: &Path,
        rows: impl IntoIterator<Item = &'a [f64]>,
    ) -> Result<Manifest, ModelError> {
        let mut manifest = read_manifest(dir)?;
        let real = pinned(&manifest, &read_model(&dir.join(&manifest.model.file))?)?;
        let rows: Vec<&[f64]> = rows.into_iter().collect();
        if let Some(row) = rows.iter().find(|row| row.len() != real.inputs) {
            let (what, expected, got) = ("inputs of a row", real.inputs, row.len());
            return Err(ModelError::Width { what, expected, got });
        }
        manifest.calibration = Some(Calibration::observe(&real, rows));
        manifest.check()?;
        Ok(manifest)
    }

    fn build(manifest: Manifest, bytes: &[u8], catalog: &FeatureCatalog) -> Result<Self, ModelError> {
        let real = pinned(&manifest, bytes)?;
        let frontend = Frontend::new(&manifest, catalog)?;
        let settings = Settings {
            calibration: manifest.calibration.as_ref(),
            pips: manifest.output.pips(),
            policy: manifest.policy(),
            trees: manifest.shape,
        };
        let program = quantise(&real, &frontend, &settings)?;
        let intervals = analyse(&program);
        Ok(Self { manifest, frontend, intervals, real, program })
    }

    /// The manifest.
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The integer program, which circuits prove.
    pub const fn program(&self) -> &Program {
        &self.program
    }

    /// The model in real arithmetic.
    pub const fn real(&self) -> &RealProgram {
        &self.real
    }

    /// How raw features become the network's inputs.
    pub const fn frontend(&self) -> &Frontend {
        &self.frontend
    }

    /// Bounds of everything that the program computes.
    pub const fn intervals(&self) -> &IntervalReport {
        &self.intervals
    }

    /// The network's output in pips, before rounding and policy.
    pub fn float_pips(&self, market: &MarketFeatures, slot: &SlotFeatures) -> f64 {
        self.real.evaluate(&self.frontend.apply(market, slot)) * self.manifest.output.pips()
    }

    /// Compares the integer program and the model in floating point on rows of data.
    ///
    /// # Errors
    /// When rivals or reference outputs are given for another number of rows.
    pub fn parity(&self, rows: &[Row], options: &ParityOptions<'_>) -> Result<ParityReport, ModelError> {
        parity::compare(self, rows, options)
    }

    /// Checks again that the files in a folder are the ones that this strategy was made from, for instance before
    /// each round. Reads both files.
    ///
    /// # Errors
    /// When a file cannot be read, the model file was swapped, or the manifest changed.
    pub fn check(&self, dir: &Path) -> Result<(), ModelError> {
        if read_manifest(dir)? != self.manifest {
            let expected = "the values that the strategy was loaded with";
            return Err(ModelError::ManifestValue { key: "all keys".to_owned(), expected });
        }
        let (expected, bytes) =
            (self.manifest.model.keccak256, read_model(&dir.join(&self.manifest.model.file))?);
        let got = model_hash(&bytes);
        if expected == got { Ok(()) } else { Err(ModelError::ModelHash { expected, got }) }
    }
}

/// The hash that a manifest pins.
pub fn model_hash(bytes: &[u8]) -> B256 {
    keccak256(bytes)
}

/// The model that a manifest pins, in real arithmetic.
fn pinned(manifest: &Manifest, bytes: &[u8]) -> Result<RealProgram, ModelError> {
    let (expected, got) = (manifest.model.keccak256, model_hash(bytes));
    if expected != got {
        return Err(ModelError::ModelHash { expected, got });
    }
    let graph = import(bytes)?;
    lower(&graph, &manifest.output.output_choice(graph.classes())?)
}

fn read_manifest(dir: &Path) -> Result<Manifest, ModelError> {
    let path = dir.join(MANIFEST_FILE);
    let text = fs::read_to_string(&path).map_err(|source| ModelError::Read { path, source })?;
    Manifest::parse(&text)
}

/// Reads at most one byte more than the limit, so that a huge or endless file costs nothing.
fn read_model(path: &Path) -> Result<Vec<u8>, ModelError> {
    let failed = |source| ModelError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let limit = MAX_MODEL_BYTES as u64 + 1;
    fs::File::open(path).map_err(failed)?.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > MAX_MODEL_BYTES {
        return Err(ModelError::TooLarge {
            what: "model file bytes",
            got: bytes.len(),
            limit: MAX_MODEL_BYTES,
        });
    }
    Ok(bytes)
}
