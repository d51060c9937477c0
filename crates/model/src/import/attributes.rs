//! A node's attributes, each read once; what is left over is unknown.

use std::collections::BTreeMap;

use tract_onnx::pb::{AttributeProto, TensorProto, attribute_proto::AttributeType};

use super::tensor::{self, Tensor};
use crate::ModelError;

/// Attributes of one node, by name.
pub(crate) struct Attributes {
    node: String,
    left: BTreeMap<String, AttributeProto>,
}

impl Attributes {
    /// The attributes of the node that errors call `node`.
    ///
    /// # Errors
    /// When a name appears twice.
    pub(super) fn new(node: &str, attributes: Vec<AttributeProto>) -> Result<Self, ModelError> {
        let mut left = BTreeMap::new();
        for attribute in attributes {
            let name = attribute.name.clone();
            if left.insert(name.clone(), attribute).is_some() {
                return Err(ModelError::UnsupportedAttribute { node: node.to_owned(), attribute: name });
            }
        }
        Ok(Self { node: node.to_owned(), left })
    }

    /// The error that blames an attribute.
    pub(super) fn refuse(&self, attribute: &str) -> ModelError {
        ModelError::UnsupportedAttribute { node: self.node.clone(), attribute: attribute.to_owned() }
    }

    fn take(&mut self, name: &str, kind: AttributeType) -> Result<Option<AttributeProto>, ModelError> {
        match self.left.remove(name) {
            Some(a) if a.r#type == kind as i32 => Ok(Some(a)),
            Some(_) => Err(self.refuse(name)),
            None => Ok(None),
        }
    }

    pub(super) fn int(&mut self, name: &str, default: i64) -> Result<i64, ModelError> {
        Ok(self.take(name, AttributeType::Int)?.map_or(default, |a| a.i))
    }

    pub(super) fn flag(&mut self, name: &str) -> Result<bool, ModelError> {
        match self.int(name, 0)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.refuse(name)),
        }
    }

    pub(super) fn float(&mut self, name: &str, default: f64) -> Result<f64, ModelError> {
        let value = self.take(name, AttributeType::Float)?.map_or(default, |a| f64::from(a.f));
        if value.is_finite() { Ok(value) } else { Err(self.refuse(name)) }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.left.contains_key(name)
    }

    pub(super) fn string(&mut self, name: &str, default: &str) -> Result<String, ModelError> {
        let Some(a) = self.take(name, AttributeType::String)? else { return Ok(default.to_owned()) };
        String::from_utf8(a.s).map_err(|_| self.refuse(name))
    }

    pub(super) fn ints(&mut self, name: &str) -> Result<Option<Vec<i64>>, ModelError> {
        Ok(self.take(name, AttributeType::Ints)?.map(|a| a.ints))
    }

    /// Finite values.
    pub(super) fn floats(&mut self, name: &str) -> Result<Option<Vec<f64>>, ModelError> {
        let Some(a) = self.take(name, AttributeType::Floats)? else { return Ok(None) };
        match a.floats.iter().position(|x| !x.is_finite()) {
            Some(index) => Err(ModelError::NotFinite { value: format!("{}.{name}", self.node), index }),
            None => Ok(Some(a.floats.into_iter().map(f64::from).collect())),
        }
    }

    pub(super) fn strings(&mut self, name: &str) -> Result<Option<Vec<Vec<u8>>>, ModelError> {
        Ok(self.take(name, AttributeType::Strings)?.map(|a| a.strings))
    }

    pub(super) fn tensor(&mut self, name: &str) -> Result<Option<Tensor>, ModelError> {
        let Some(a) = self.take(name, AttributeType::Tensor)? else { return Ok(None) };
        let proto: TensorProto = a.t.ok_or_else(|| self.refuse(name))?;
        tensor::read(&self.node, proto).map(Some)
    }

    /// The values of a floats attribute, or of a tensor attribute that newer exporters write for float64.
    pub(super) fn numbers(&mut self, floats: &str) -> Result<Option<Vec<f64>>, ModelError> {
        let as_tensor = format!("{floats}_as_tensor");
        match (self.floats(floats)?, self.tensor(&as_tensor)?) {
            (Some(_), Some(_)) => Err(self.refuse(&as_tensor)),
            (Some(values), None) => Ok(Some(values)),
            (None, tensor) => Ok(tensor.map(|t| t.data.to_vec())),
        }
    }

    /// Drops an attribute that changes nothing here.
    pub(super) fn ignore(&mut self, names: &[&str]) {
        for name in names {
            self.left.remove(*name);
        }
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// When an attribute was not read, and so is unknown.
    pub(super) fn finish(&self) -> Result<(), ModelError> {
        match self.left.keys().next() {
            Some(name) => Err(self.refuse(name)),
            None => Ok(()),
        }
    }
}
