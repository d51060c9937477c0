//! Constant tensors.

use std::sync::Arc;

use tract_onnx::pb::{TensorProto, tensor_proto::DataLocation, tensor_proto::DataType};

use crate::ModelError;

/// Most elements of a constant.
pub(crate) const MAX_ELEMENTS: usize = 1 << 22;

/// What a tensor's numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Real numbers.
    Float,
    /// Integers.
    Int,
    /// 0 and 1.
    Bool,
    /// Strings, which have no meaning here; such a tensor has no data.
    Text,
}

/// A constant. Numbers of every type are float64, which holds float32 and small integers exactly; elements are row-major
/// and finite.
#[derive(Clone, PartialEq)]
pub(crate) struct Tensor {
    /// Dimensions, each at least 1; none for a scalar.
    pub dims: Vec<usize>,
    /// What the numbers are.
    pub kind: Kind,
    /// As many elements as the product of the dimensions.
    pub data: Arc<[f64]>,
}

impl Tensor {
    /// A vector of integers.
    pub(crate) fn integers(values: &[i64]) -> Self {
        Self { dims: vec![values.len()], kind: Kind::Int, data: values.iter().map(|&x| x as f64).collect() }
    }

    /// A single number.
    pub(crate) fn scalar(kind: Kind, value: f64) -> Self {
        Self { dims: vec![], kind, data: [value].into() }
    }
}

impl std::fmt::Debug for Tensor {
    /// Shows dimensions, never weights.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}{:?}", self.kind, self.dims)
    }
}

const LOCATION_DEFAULT: i32 = DataLocation::Default as i32;

/// Reads a constant.
///
/// # Errors
/// For external data, segments, element types that are no numbers, dimensions that are not positive, and elements that
/// are missing or not finite.
pub(super) fn read(name: &str, proto: TensorProto) -> Result<Tensor, ModelError> {
    let tensor = || name.to_owned();
    let located_outside = !matches!(proto.data_location, None | Some(LOCATION_DEFAULT));
    if located_outside || !proto.external_data.is_empty() {
        return Err(ModelError::ExternalData { tensor: tensor() });
    }
    if proto.segment.is_some() {
        let expected = "segments are not supported";
        return Err(ModelError::Dimensions { value: tensor(), dims: proto.dims, expected });
    }
    let (dims, expected) = dimensions(name, &proto.dims)?;
    let TensorProto { raw_data: raw, float_data, int32_data, int64_data, double_data, .. } = proto;
    let small = int32_data.into_iter().map(f64::from);
    let (kind, data): (_, Vec<f64>) = match DataType::try_from(proto.data_type) {
        Ok(DataType::Float) if raw.is_empty() => {
            (Kind::Float, float_data.into_iter().map(f64::from).collect())
        }
        Ok(DataType::Float) => {
            (Kind::Float, chunks(name, &raw, expected)?.map(|b| f64::from(f32::from_le_bytes(b))).collect())
        }
        Ok(DataType::Double) if raw.is_empty() => (Kind::Float, double_data),
        Ok(DataType::Double) => {
            (Kind::Float, chunks(name, &raw, expected)?.map(f64::from_le_bytes).collect())
        }
        Ok(DataType::Int64) if raw.is_empty() => {
            (Kind::Int, int64_data.into_iter().map(|x| x as f64).collect())
        }
        Ok(DataType::Int64) => {
            (Kind::Int, chunks(name, &raw, expected)?.map(|b| i64::from_le_bytes(b) as f64).collect())
        }
        Ok(DataType::Int32) if raw.is_empty() => (Kind::Int, small.collect()),
        Ok(DataType::Int32) => {
            (Kind::Int, chunks(name, &raw, expected)?.map(|b| f64::from(i32::from_le_bytes(b))).collect())
        }
        Ok(DataType::Bool) if raw.is_empty() => (Kind::Bool, small.map(truth).collect()),
        Ok(DataType::Bool) => (Kind::Bool, raw.iter().map(|&b| truth(f64::from(b))).collect()),
        Ok(DataType::Uint8) if raw.is_empty() => (Kind::Int, small.collect()),
        Ok(DataType::Uint8) => (Kind::Int, raw.iter().map(|&b| f64::from(b)).collect()),
        Ok(DataType::String) => return Ok(Tensor { dims, kind: Kind::Text, data: [].into() }),
        _ => return Err(ModelError::UnsupportedType { tensor: tensor(), data_type: proto.data_type }),
    };
    if data.len() != expected {
        return Err(ModelError::Elements { tensor: tensor(), expected, got: data.len() });
    }
    match data.iter().position(|x| !x.is_finite()) {
        Some(index) => Err(ModelError::NotFinite { value: tensor(), index }),
        None => Ok(Tensor { dims, kind, data: data.into() }),
    }
}

fn truth(x: f64) -> f64 {
    f64::from(u8::from(x != 0.0))
}

/// Little-endian elements of `N` bytes.
fn chunks<'a, const N: usize>(
    name: &str,
    bytes: &'a [u8],
    expected: usize,
) -> Result<impl Iterator<Item = [u8; N]> + 'a, ModelError> {
    let (chunks, rest) = bytes.as_chunks::<N>();
    if rest.is_empty() {
        Ok(chunks.iter().copied())
    } else {
        Err(ModelError::Elements { tensor: name.to_owned(), expected, got: bytes.len() / N })
    }
}

/// Dimensions and their product.
pub(crate) fn dimensions(name: &str, dims: &[i64]) -> Result<(Vec<usize>, usize), ModelError> {
    let sizes: Option<Vec<usize>> =
        dims.iter().map(|&d| usize::try_from(d).ok().filter(|&d| d > 0)).collect();
    sizes
        .filter(|sizes| sizes.len() <= 8)
        .and_then(|sizes| {
            let count = sizes.iter().try_fold(1usize, |n, &d| n.checked_mul(d))?;
            (count <= MAX_ELEMENTS).then_some((sizes, count))
        })
        .ok_or_else(|| ModelError::Dimensions {
            value: name.to_owned(),
            dims: dims.to_vec(),
            expected: "at most eight, each positive, and their product small",
        })
}
