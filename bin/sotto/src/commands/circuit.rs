//! `sotto circuit`: rows, degrees and security of the circuits, computed from the circuits themselves.

use std::fmt;

use clap::{Args, Subcommand};
use serde::Serialize;
use sotto_circuits::{
    CAPACITIES, CircuitError, CircuitInfo, CompactCircuit, LeafCircuit, NodeCircuit, SealCircuit,
    SheetCircuit, SheetShape, ShrinkCircuit, WrapCircuit, classes::standard_classes, field::CompactQueries,
};
use sotto_types::LEVELS;

use crate::args::OutputArgs;

/// Look at the circuits.
#[derive(Debug, Subcommand)]
pub(crate) enum CircuitCommand {
    /// Build the circuits and print rows, degree, gates, proof size and every security term
    Info(InfoArgs),
}

impl CircuitCommand {
    /// Runs the command.
    pub(crate) fn run(self, output: OutputArgs) -> eyre::Result<()> {
        match self {
            Self::Info(args) => args.run(output),
        }
    }
}

/// Which circuits.
#[derive(Args, Debug)]
pub(crate) struct InfoArgs {
    /// Slots that the leaves serve (1, 4, 16 or 32)
    #[arg(long, default_value_t = 1, value_parser = capacity)]
    capacity: usize,
    /// Build the circuits of the compact profile as well (half a minute, and 2 GB of memory)
    #[arg(long)]
    compact: bool,
    /// Build the circuits of the tournament's levels as well (a minute, and 2 GB of memory)
    #[arg(long)]
    tournament: bool,
    /// Print the rows of every gate as well
    #[arg(long)]
    gates: bool,
}

fn capacity(text: &str) -> Result<usize, String> {
    let value: usize = text.parse().map_err(|_| "not a number".to_owned())?;
    if CAPACITIES.contains(&value) { Ok(value) } else { Err(format!("one of {CAPACITIES:?}")) }
}

impl InfoArgs {
    fn run(self, output: OutputArgs) -> eyre::Result<()> {
        let mut circuits = Vec::new();
        let mut shape: Option<SheetShape> = None;
        for class in standard_classes()? {
            let leaf = LeafCircuit::build(&class, self.capacity)?;
            let sheet = SheetCircuit::build(&leaf)?;
            shape.get_or_insert_with(|| sheet.shape());
            circuits.extend([leaf.info(), sheet.info()]);
        }
        let shape = shape.map_or_else(SheetShape::canonical, Ok)?;
        circuits.push(WrapCircuit::build(&shape)?.info());
        if self.compact {
            let shrink = ShrinkCircuit::build(&shape);
            circuits.push(shrink.info());
            for queries in [CompactQueries::Ten, CompactQueries::Sixteen] {
                circuits.push(CompactCircuit::build(&shrink, queries).info());
            }
        }
        if self.tournament {
            circuits.extend(tournament(&shape)?);
        }
        output.print(&Info { circuits, gates: self.gates })
    }
}

/// Nodes and seals of every level.
fn tournament(shape: &SheetShape) -> Result<Vec<CircuitInfo>, CircuitError> {
    let mut circuits = Vec::new();
    let mut node = NodeCircuit::first(shape);
    loop {
        circuits.extend([node.info(), SealCircuit::build(&node, shape)?.info()]);
        if node.level() == LEVELS {
            return Ok(circuits);
        }
        node = node.next()?;
    }
}

#[derive(Debug, Serialize)]
struct Info {
    circuits: Vec<CircuitInfo>,
    #[serde(skip)]
    gates: bool,
}

impl fmt::Display for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:<7} {:<22} {:>5} {:>8} {:>7} {:>8}",
            "layer", "class", "slots", "rows", "degree", "proof"
        )?;
        for circuit in &self.circuits {
            let CircuitInfo { layer, descriptor, capacity, rows, degree_bits, proof_bytes, .. } = circuit;
            write!(
                f,
                "\n{layer:<7} {descriptor:<22} {capacity:>5} {rows:>8} {:>7} {proof_bytes:>8}",
                format!("2^{degree_bits}")
            )?;
            if self.gates {
                for count in &circuit.gates {
                    write!(f, "\n       {:>8}  {}", count.rows, count.gate)?;
                }
            }
        }
        write!(f, "\n\nsecurity in bits, conjectured term by term; proven: FRI in the Johnson range")?;
        for circuit in &self.circuits {
            write!(f, "\n{:<7} {:<22}", circuit.layer, circuit.descriptor)?;
            for (term, bits) in circuit.security.conjectured() {
                write!(f, " {term} {bits:.1},")?;
            }
            write!(f, " proven {:.1}", circuit.security.proven_johnson)?;
        }
        Ok(())
    }
}
