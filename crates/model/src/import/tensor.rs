//! Constant tensors.

use tract_onnx::pb::{TensorProto, tensor_proto::DataLocation, tensor_proto::DataType};

use crate::ModelError;

/// A constant: float32 weights, or the int64 vector of a shape. Elements are row-major.
#[derive(Clone, PartialEq)]
pub enum Tensor {
    /// Finite float32 values.
    Float {
        /// Dimensions, each at least 1; none for a scalar.
        dims: Vec<usize>,
        /// As many elements as the product of the dimensions.
        data: Vec<f32>,
    },
    /// Integers, as shapes have them.
    Int {
        /// The elements, flattened.
        data: Vec<i64>,
    },
}

impl std::fmt::Debug for Tensor {
    /// Shows dimensions, never weights.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Float { dims, .. } => write!(f, "Float{dims:?}"),
            Self::Int { data } => write!(f, "Int[{}]", data.len()),
        }
    }
}

/// Checks a tensor and takes its elements.
///
/// # Errors
/// For external data, element types other than float32 and int64, dimensions that do not match the data, and values
/// that are NaN or infinite.
pub(super) fn read(name: &str, proto: TensorProto) -> Result<Tensor, ModelError> {
    let tensor = || name.to_owned();
    let located_outside = !matches!(proto.data_location, None | Some(LOCATION_DEFAULT));
    if located_outside || !proto.external_data.is_empty() {
        return Err(ModelError::ExternalData { tensor: tensor() });
    }
    if proto.segment.is_some() {
        return Err(ModelError::Dimensions {
            value: tensor(),
            dims: proto.dims,
            expected: "segments are not supported",
        });
    }
    let (dims, expected) = dimensions(name, &proto.dims)?;
    let check = |got: usize| {
        if got == expected { Ok(()) } else { Err(ModelError::Elements { tensor: tensor(), expected, got }) }
    };
    match DataType::try_from(proto.data_type) {
        Ok(DataType::Float) => {
            let data = if proto.raw_data.is_empty() {
                proto.float_data
            } else {
                whole_chunks::<4>(name, &proto.raw_data, expected)?.map(f32::from_le_bytes).collect()
            };
            check(data.len())?;
            if let Some(index) = data.iter().position(|x| !x.is_finite()) {
                return Err(ModelError::NotFinite { value: tensor(), index });
            }
            Ok(Tensor::Float { dims, data })
        }
        Ok(DataType::Int64) => {
            let data = if proto.raw_data.is_empty() {
                proto.int64_data
            } else {
                whole_chunks::<8>(name, &proto.raw_data, expected)?.map(i64::from_le_bytes).collect()
            };
            check(data.len())?;
            Ok(Tensor::Int { data })
        }
        _ => Err(ModelError::UnsupportedType { tensor: tensor(), data_type: proto.data_type }),
    }
}

const LOCATION_DEFAULT: i32 = DataLocation::Default as i32;

/// Little-endian elements of `N` bytes.
fn whole_chunks<'a, const N: usize>(
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
fn dimensions(name: &str, dims: &[i64]) -> Result<(Vec<usize>, usize), ModelError> {
    let sizes: Option<Vec<usize>> =
        dims.iter().map(|&d| usize::try_from(d).ok().filter(|&d| d > 0)).collect();
    sizes
        .and_then(|sizes| {
            let count = sizes.iter().try_fold(1usize, |n, &d| n.checked_mul(d))?;
            (count <= super::MAX_MODEL_BYTES).then_some((sizes, count))
        })
        .ok_or_else(|| ModelError::Dimensions {
            value: name.to_owned(),
            dims: dims.to_vec(),
            expected: "each must be positive, and their product small",
        })
}
