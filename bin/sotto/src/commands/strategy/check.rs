//! `sotto strategy check`: is the model supported, and can an accumulator overflow.

use std::{fmt, path::PathBuf};

use clap::Args;
use serde::Serialize;
use sotto_model::{IntervalReport, ModelError, Strategy};

use crate::{args::OutputArgs, exit::Refused};

/// A strategy's directory.
#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    /// Directory with strategy.toml and the model
    directory: PathBuf,
}

impl CheckArgs {
    pub(super) fn run(self, output: OutputArgs) -> eyre::Result<()> {
        let strategy = load(&self.directory)?;
        output.print(&Checked::new(&strategy))
    }
}

/// Loads a strategy; what its files say wrong is a refusal, what the disk does wrong is a failure.
pub(crate) fn load(directory: &std::path::Path) -> eyre::Result<Strategy> {
    Strategy::load(directory).map_err(|error| match error {
        ModelError::Read { .. } => error.into(),
        refused => Refused { what: directory.display().to_string(), reason: refused.to_string() }.into(),
    })
}

#[derive(Debug, Serialize)]
struct Checked {
    name: String,
    class: String,
    class_id: u32,
    features: Vec<String>,
    parameters: usize,
    min_quote: i32,
    max_quote: i32,
    max_slots: u8,
    bounds: IntervalReport,
}

impl Checked {
    fn new(strategy: &Strategy) -> Self {
        let (manifest, program) = (strategy.manifest(), strategy.program());
        let (shape, policy) = (program.shape(), program.policy());
        Self {
            name: manifest.name.clone(),
            class: shape.descriptor(),
            class_id: shape.id(),
            features: manifest.features.keys().cloned().collect(),
            parameters: shape.parameter_count(),
            min_quote: policy.min_quote,
            max_quote: policy.max_quote,
            max_slots: policy.max_slots,
            bounds: strategy.intervals().clone(),
        }
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: {} (class {:#010x}), {} parameters",
            self.name, self.class, self.class_id, self.parameters
        )?;
        writeln!(f, "features   {}", self.features.join(", "))?;
        writeln!(
            f,
            "policy     {} to {} pips, {} slots per direction",
            self.min_quote, self.max_quote, self.max_slots
        )?;
        let [least, greatest] = self.bounds.output;
        writeln!(f, "output     {least} to {greatest} pips before the policy")?;
        write!(f, "operation      values  bits  can saturate  never active")?;
        for bounds in &self.bounds.operations {
            write!(
                f,
                "\n{:<13}  {:>6}  {:>4}  {:>12}  {:>12}",
                bounds.kind, bounds.values, bounds.bits, bounds.can_saturate, bounds.never_active
            )?;
        }
        Ok(())
    }
}
