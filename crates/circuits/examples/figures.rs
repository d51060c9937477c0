//! Builds the circuits of the standard classes and prints their figures as JSON lines.

use std::time::Instant;

use sotto_circuits::{CircuitError, LeafCircuit, SheetCircuit, WrapCircuit, classes::standard_classes};

fn main() -> Result<(), CircuitError> {
    let capacities: Vec<usize> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let mut shape = None;
    for class in standard_classes() {
        for &capacity in &capacities {
            let start = Instant::now();
            let leaf = LeafCircuit::build(&class, capacity)?;
            let built = start.elapsed();
            println!("{} built in {built:?}", json(&leaf.info()));
            let start = Instant::now();
            let sheet = SheetCircuit::build(&leaf)?;
            let built = start.elapsed();
            println!("{} built in {built:?}", json(&sheet.info()));
            shape = Some(sheet.shape());
        }
    }
    if let Some(shape) = shape {
        println!("{}", json(&WrapCircuit::build(&shape)?.info()));
    }
    Ok(())
}

fn json(info: &sotto_circuits::CircuitInfo) -> String {
    serde_json::to_string(info).unwrap_or_default()
}
