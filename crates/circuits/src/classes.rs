//! The shape classes that the key set allows, and the keys of any class.

use sotto_model::program::{Shape, ShapeError};

use crate::{CAPACITIES, CircuitError, LeafCircuit, SheetCircuit, SheetKey, SheetShape, estimate, seal_keys};

/// log2 of the rows of the largest leaf beyond one slot that a key set takes: about a second of proving in half a gigabyte. A
/// larger round would come too late for its window, so its key would only make every solver's set longer.
pub const KEY_DEGREE_BITS: usize = 14;

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

/// The capacities that a key set has of a class: 1 always, and the larger ones whose leaf stays within
/// [`KEY_DEGREE_BITS`].
pub fn class_capacities(class: &Shape) -> Vec<usize> {
    let fits = |&capacity: &usize| capacity == 1 || estimate(class, capacity).degree_bits <= KEY_DEGREE_BITS;
    CAPACITIES.into_iter().take_while(fits).collect()
}

/// Keys of the sheet circuits of a class, one for each of its [`class_capacities`]. Builds each circuit: seconds for a small
/// class, minutes for a large one. What a new architecture adds to a key set.
///
/// # Errors
/// When a circuit cannot be built, differs in shape from `shared`, or is too large.
pub fn class_keys(class: &Shape, shared: &SheetShape) -> Result<Vec<SheetKey>, CircuitError> {
    let key = |capacity| {
        let sheet = SheetCircuit::build(&LeafCircuit::build(class, capacity)?)?;
        sheet.check_shape(shared)?;
        Ok(sheet.key())
    };
    class_capacities(class).into_iter().map(key).collect()
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
