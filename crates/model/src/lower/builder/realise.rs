//! From affine functions to values: rows that read one column become a matrix, and equal matrices become one.

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

use super::{
    Builder, Origin,
    rows::{Parts, RowKey},
};
use crate::{ModelError, RealActivation, RealMatrix, RealOp, lower::element::Element, program::ValueId};

/// Applications of one matrix to different columns while they are collected.
struct Application {
    column: Rc<[ValueId]>,
    keys: Vec<RowKey>,
    rows: Vec<Parts>,
}

impl Builder {
    /// Whether an activation leaves the element as it is.
    fn passes(&self, element: &Element, activation: RealActivation) -> bool {
        match (activation, element) {
            (RealActivation::Identity, _) => element.plain().is_some(),
            (RealActivation::Relu, Element::Scaled { value, .. }) => {
                element.plain().is_some() && self.origins.get(*value) == Some(&Origin::Positive)
            }
            _ => false,
        }
    }

    /// Makes values of the elements under an activation: constants stay constants, others become plain values.
    pub(in crate::lower) fn realise(
        &mut self,
        elements: &[Element],
        activation: RealActivation,
    ) -> Result<Vec<Element>, ModelError> {
        let mut results = Vec::with_capacity(elements.len());
        let mut waiting = vec![];
        let mut queued = HashSet::new();
        let mut applications: Vec<Application> = vec![];
        let mut by_column: HashMap<usize, usize> = HashMap::new();
        for (position, element) in elements.iter().enumerate() {
            self.spend(1)?;
            if !element.is_finite() {
                return Err(self.not_finite(position));
            }
            if self.passes(element, activation) {
                results.push(element.clone());
                continue;
            }
            let Some(parts) = self.parts(element)? else {
                results.push(Element::Constant(activation.apply(element.constant().unwrap_or(0.0))));
                continue;
            };
            let column = parts.column.as_ptr().addr();
            let key = (parts.key(), column, activation as u8);
            waiting.push((position, key));
            results.push(Element::Constant(0.0));
            if self.linear.contains_key(&key) || !queued.insert(key) {
                continue;
            }
            let at = *by_column.entry(column).or_insert_with(|| {
                applications.push(Application { column: parts.column.clone(), keys: vec![], rows: vec![] });
                applications.len() - 1
            });
            applications[at].keys.push(parts.key());
            applications[at].rows.push(parts);
        }
        self.apply(applications, activation)?;
        for (position, key) in waiting {
            if let (Some(result), Some(&value)) = (results.get_mut(position), self.linear.get(&key)) {
                *result = Element::value(value);
            }
        }
        Ok(results)
    }

    /// Adds the operations of the applications: one for each different matrix.
    fn apply(
        &mut self,
        applications: Vec<Application>,
        activation: RealActivation,
    ) -> Result<(), ModelError> {
        let mut shared: Vec<(usize, Vec<Application>)> = vec![];
        let mut by_matrix: HashMap<usize, usize> = HashMap::new();
        for application in applications {
            let matrix = self.matrix(&application, activation)?;
            let at = *by_matrix.entry(matrix).or_insert_with(|| {
                shared.push((matrix, vec![]));
                shared.len() - 1
            });
            shared[at].1.push(application);
        }
        let origin = match activation {
            RealActivation::Identity => Origin::Any,
            RealActivation::Relu => Origin::Positive,
            RealActivation::AtLeastZero | RealActivation::AboveZero => Origin::Unit,
        };
        for (matrix, applications) in shared {
            for application in &applications {
                let column = application.column.as_ptr().addr();
                for key in &application.keys {
                    let value = self.give(origin)?;
                    self.linear.insert((*key, column, activation as u8), value);
                }
            }
            let columns = applications.iter().map(|a| a.column.to_vec()).collect();
            self.program.ops.push(RealOp::Linear { matrix, columns, activation });
        }
        Ok(())
    }

    fn matrix(&mut self, application: &Application, activation: RealActivation) -> Result<usize, ModelError> {
        let key = (application.keys.clone(), activation as u8);
        if let Some(&known) = self.matrices.get(&key) {
            return Ok(known);
        }
        let inputs = application.column.len();
        let weights: Vec<f64> = application.rows.iter().flat_map(Parts::weights).collect();
        let biases: Vec<f64> = application.rows.iter().map(|p| p.constant).collect();
        if let Some(index) = weights.iter().chain(&biases).position(|x| !x.is_finite()) {
            return Err(self.not_finite(index));
        }
        self.spend(weights.len())?;
        self.program.matrices.push(RealMatrix { inputs, weights, biases });
        self.matrices.insert(key, self.program.matrices.len() - 1);
        Ok(self.program.matrices.len() - 1)
    }
}
