//! `sotto strategy calibrate`: the ranges inside a model, taken again from data.

use std::{fmt, fs, path::PathBuf};

use clap::Args;
use eyre::WrapErr as _;
use serde::Serialize;
use sotto_model::{MANIFEST_FILE, ModelError, Strategy};

use super::rows;
use crate::{args::OutputArgs, exit::Refused, progress::Spinner};

/// A strategy, and what its model is run on.
#[derive(Args, Debug)]
pub(crate) struct CalibrateArgs {
    /// Directory with strategy.toml and the model
    directory: PathBuf,
    /// The model's inputs in its order (.npz with X, .csv or .parquet). Only ranges are kept of them
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
}

impl CalibrateArgs {
    pub(super) fn run(self, output: OutputArgs) -> eyre::Result<()> {
        let table = rows::read_table(&self.data)?;
        let path = self.directory.join(MANIFEST_FILE);
        let refused =
            |error: ModelError| Refused { what: path.display().to_string(), reason: error.to_string() };
        let manifest = {
            let _spinner = Spinner::start(format!("running the model on {} rows", table.len()));
            Strategy::calibrate(&self.directory, table.rows()).map_err(refused)?
        };
        let text = manifest.render();
        let model = fs::read(self.directory.join(&manifest.model.file))
            .wrap_err_with(|| format!("{} cannot be read", manifest.model.file))?;
        // What is written has to load.
        let strategy = Strategy::from_parts(&text, &model, &manifest.market.catalog()).map_err(refused)?;
        fs::write(&path, text).wrap_err_with(|| format!("{} cannot be written", path.display()))?;
        let shape = strategy.program().shape();
        output.print(&Calibrated {
            name: manifest.name,
            class: shape.descriptor(),
            class_id: shape.id(),
            rows: table.len(),
        })
    }
}

#[derive(Debug, Serialize)]
struct Calibrated {
    name: String,
    class: String,
    class_id: u32,
    rows: usize,
}

impl fmt::Display for Calibrated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, class, class_id, rows } = self;
        write!(f, "{name}: {class} (class {class_id:#010x}), calibrated on {rows} rows")
    }
}
