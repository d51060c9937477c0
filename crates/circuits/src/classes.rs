//! The shape classes that the key set allows.

use sotto_model::ShapeClass;

use crate::{CAPACITIES, CircuitError, LeafCircuit, SheetCircuit, SheetKey, SheetShape};

/// The classes of the committed key set: linear, and ReLU networks of two hidden layers in two sizes.
pub fn standard_classes() -> Vec<ShapeClass> {
    [vec![], vec![32, 16], vec![64, 64]].into_iter().map(|hidden| ShapeClass { hidden }).collect()
}

/// Keys of all sheet circuits of the standard classes, by class and capacity. Builds each circuit: a minute or more.
///
/// # Errors
/// When a circuit cannot be built, or differs in shape from the others.
pub fn standard_keys() -> Result<Vec<SheetKey>, CircuitError> {
    let mut shape: Option<SheetShape> = None;
    let mut keys = Vec::new();
    for class in standard_classes() {
        for capacity in CAPACITIES {
            let sheet = SheetCircuit::build(&LeafCircuit::build(&class, capacity)?)?;
            sheet.check_shape(shape.get_or_insert_with(|| sheet.shape()))?;
            keys.push(sheet.key());
        }
    }
    Ok(keys)
}
