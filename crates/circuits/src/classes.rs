//! The shape classes that the key set allows, and the keys of any class.

use sotto_model::program::{Shape, ShapeError};

use crate::{CAPACITIES, CircuitError, LeafCircuit, SheetCircuit, SheetKey, SheetShape, seal_keys};

/// The linear class, the cheapest.
pub(crate) fn linear() -> Result<Shape, CircuitError> {
    Ok(Shape::dense(&[])?)
}

/// The classes of the committed key set: linear, and ReLU networks of two hidden layers in two sizes.
///
/// # Errors
/// Never: the shapes are constants.
pub fn standard_classes() -> Result<Vec<Shape>, CircuitError> {
    let shapes: Result<Vec<Shape>, ShapeError> =
        [&[][..], &[32, 16], &[64, 64]].into_iter().map(Shape::dense).collect();
    Ok(shapes?)
}

/// Keys of the sheet circuits of a class, one for each capacity whose leaf is not too large. Builds each circuit: seconds for
/// a small class, minutes for a large one. What a new architecture adds to a key set.
///
/// # Errors
/// When a circuit cannot be built, differs in shape from `shared`, or is too large at every capacity.
pub fn class_keys(class: &Shape, shared: &SheetShape) -> Result<Vec<SheetKey>, CircuitError> {
    let mut keys = Vec::new();
    for capacity in CAPACITIES {
        let leaf = match LeafCircuit::build(class, capacity) {
            Err(CircuitError::Size { .. }) if !keys.is_empty() => break,
            built => built?,
        };
        let sheet = SheetCircuit::build(&leaf)?;
        sheet.check_shape(shared)?;
        keys.push(sheet.key());
    }
    Ok(keys)
}

/// Keys of all sheet circuits of the standard classes, by class and capacity, then of the seals of the tournament's levels.
/// Builds each circuit: a minute or more.
///
/// # Errors
/// When a circuit cannot be built, or differs in shape from the others.
pub fn standard_keys() -> Result<Vec<SheetKey>, CircuitError> {
    let shared = SheetShape::canonical()?;
    let mut keys = Vec::new();
    for class in standard_classes()? {
        keys.extend(class_keys(&class, &shared)?);
    }
    keys.extend(seal_keys(&shared)?);
    Ok(keys)
}
