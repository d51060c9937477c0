//! One array in NumPy's own format (`numpy.lib.format`, versions 1 to 3).

use crate::DataError;
use crate::table::{MAX_VALUES, limit};

const MAGIC: &[u8] = b"\x93NUMPY";
/// Longest header: a dictionary with a type, an order and a few dimensions.
const MAX_HEADER_BYTES: usize = 1 << 12;
/// Longest text in an array of names, in characters.
const MAX_NAME_CHARACTERS: usize = 256;

/// Header of an array, and its data.
#[derive(Clone, Debug)]
pub(crate) struct Array<'a> {
    name: &'a str,
    /// NumPy's type, such as `<f8`.
    descr: String,
    fortran: bool,
    pub(crate) shape: Vec<usize>,
    data: &'a [u8],
}

impl<'a> Array<'a> {
    /// Splits header and data; `name` is for messages.
    pub(crate) fn parse(name: &'a str, bytes: &'a [u8]) -> Result<Self, DataError> {
        let malformed = |reason: &str| DataError::malformed(name, reason);
        let rest = bytes.strip_prefix(MAGIC).ok_or_else(|| malformed("not a NumPy array"))?;
        let (header, data) = split(rest).ok_or_else(|| malformed("the array's header is cut off"))?;
        let header = std::str::from_utf8(header).map_err(|_| malformed("the array's header is no text"))?;
        let dictionary =
            Dictionary::parse(header).ok_or_else(|| malformed("the array's header is malformed"))?;
        let Dictionary { descr, fortran, shape } = dictionary;
        let count = shape.iter().try_fold(1usize, |product, &n| product.checked_mul(n));
        limit("elements of an array", count.map_or(u64::MAX, |n| n as u64), MAX_VALUES as u64)?;
        Ok(Self { name, descr, fortran, shape, data })
    }

    fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    fn chunks(&self, size: usize) -> Result<std::slice::ChunksExact<'a, u8>, DataError> {
        let needed = self.elements().saturating_mul(size);
        let data = self.data.get(..needed).ok_or_else(|| {
            DataError::malformed(self.name, format!("{} bytes of data, expected {needed}", self.data.len()))
        })?;
        Ok(data.chunks_exact(size.max(1)))
    }

    fn wrong_type(&self, expected: &'static str) -> DataError {
        DataError::Type { part: self.name.to_owned(), got: format!("`{}`", self.descr), expected }
    }

    /// The numbers, in C order whatever the array's.
    pub(crate) fn numbers(&self) -> Result<Vec<f64>, DataError> {
        let expected = "float16 to float64, bool, or integers of 8 to 64 bits";
        let (order, kind) = self.descr.split_at_checked(1).ok_or_else(|| self.wrong_type(expected))?;
        let decode = decoder(kind).ok_or_else(|| self.wrong_type(expected))?;
        let big = match order {
            "<" | "|" | "=" => false,
            ">" => true,
            _ => return Err(self.wrong_type(expected)),
        };
        let (size, decode) = decode;
        let numbers: Vec<f64> = self
            .chunks(size)?
            .map(|chunk| {
                let mut bytes = [0; 8];
                let place = bytes.iter_mut().zip(chunk);
                place.for_each(|(to, from)| *to = *from);
                if big {
                    bytes[..size].reverse();
                }
                decode(bytes)
            })
            .collect();
        Ok(if self.fortran { to_c_order(&numbers, &self.shape) } else { numbers })
    }

    /// The texts of a one-dimensional array of `str` or `bytes`.
    pub(crate) fn texts(&self) -> Result<Vec<String>, DataError> {
        let expected = "text of at most 256 characters";
        let wrong = || self.wrong_type(expected);
        let (order, kind) = self.descr.split_at_checked(1).ok_or_else(wrong)?;
        let (kind, length) = kind.split_at_checked(1).ok_or_else(wrong)?;
        let length: usize = length.parse().ok().filter(|n| *n <= MAX_NAME_CHARACTERS).ok_or_else(wrong)?;
        if self.shape.len() != 1 {
            return Err(DataError::malformed(self.name, "expected one dimension"));
        }
        let text = |chunk: &[u8]| match kind {
            "S" | "a" => std::str::from_utf8(chunk).ok().map(str::to_owned),
            "U" => chunk
                .as_chunks::<4>()
                .0
                .iter()
                .map(|&c| {
                    char::from_u32(if order == ">" { u32::from_be_bytes(c) } else { u32::from_le_bytes(c) })
                })
                .collect(),
            _ => None,
        };
        let size = if kind == "U" { 4 * length } else { length };
        if size == 0 {
            return Err(wrong());
        }
        let texts = self.chunks(size)?.map(|chunk| text(chunk).map(|t| t.trim_end_matches('\0').to_owned()));
        texts.collect::<Option<_>>().ok_or_else(wrong)
    }
}

/// Header and data of what follows the magic.
fn split(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[major, _minor], rest) = rest.split_first_chunk::<2>()?;
    let (length, rest) = match major {
        1 => rest.split_first_chunk::<2>().map(|(n, rest)| (usize::from(u16::from_le_bytes(*n)), rest))?,
        2 | 3 => {
            let (n, rest) = rest.split_first_chunk::<4>()?;
            (usize::try_from(u32::from_le_bytes(*n)).ok()?, rest)
        }
        _ => return None,
    };
    if length > MAX_HEADER_BYTES { None } else { rest.split_at_checked(length) }
}

type Decoder = fn([u8; 8]) -> f64;

/// Size of an element, and its value from its bytes, little-endian, with zeros after them.
fn decoder(kind: &str) -> Option<(usize, Decoder)> {
    fn low<const N: usize>(bytes: [u8; 8]) -> [u8; N] {
        std::array::from_fn(|i| bytes[i])
    }
    Some(match kind {
        "f2" => (2, |b| half(u16::from_le_bytes(low(b)))),
        "f4" => (4, |b| f64::from(f32::from_le_bytes(low(b)))),
        "f8" => (8, f64::from_le_bytes),
        "i1" => (1, |b| f64::from(i8::from_le_bytes(low(b)))),
        "i2" => (2, |b| f64::from(i16::from_le_bytes(low(b)))),
        "i4" => (4, |b| f64::from(i32::from_le_bytes(low(b)))),
        "i8" => (8, |b| i64::from_le_bytes(b) as f64),
        "u1" => (1, |b| f64::from(b[0])),
        "b1" => (1, |b| f64::from(u8::from(b[0] != 0))),
        "u2" => (2, |b| f64::from(u16::from_le_bytes(low(b)))),
        "u4" => (4, |b| f64::from(u32::from_le_bytes(low(b)))),
        "u8" => (8, |b| u64::from_le_bytes(b) as f64),
        _ => return None,
    })
}

/// An IEEE 754 half.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    let magnitude = match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
    };
    sign * magnitude
}

/// From the first index running fastest to the last.
fn to_c_order(values: &[f64], shape: &[usize]) -> Vec<f64> {
    let mut strides = Vec::with_capacity(shape.len());
    let mut stride = 1;
    for &n in shape {
        strides.push(stride);
        stride *= n;
    }
    let place = |mut at: usize| {
        let axes = shape.iter().zip(&strides).rev();
        axes.fold(0, |sum, (&n, &stride)| {
            let index = at % n.max(1);
            at /= n.max(1);
            sum + index * stride
        })
    };
    (0..values.len()).map(|at| values[place(at)]).collect()
}

/// The header: `{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }`.
struct Dictionary {
    descr: String,
    fortran: bool,
    shape: Vec<usize>,
}

impl Dictionary {
    /// Parses exactly what NumPy writes, keys in any order.
    fn parse(text: &str) -> Option<Self> {
        let mut rest = text.trim().strip_prefix('{')?.strip_suffix('}')?.trim();
        let (mut descr, mut fortran, mut shape) = (None, None, None);
        while !rest.is_empty() {
            let (key, after) = quoted(rest)?;
            let value = after.trim_start().strip_prefix(':')?.trim_start();
            rest = match key {
                "descr" => {
                    let (value, rest) = quoted(value)?;
                    descr = Some(value.to_owned());
                    rest
                }
                "fortran_order" => {
                    let (value, rest) = value.split_at(value.find([',', ' ']).unwrap_or(value.len()));
                    fortran = Some(
                        matches!(value, "True").then_some(true).or((value == "False").then_some(false))?,
                    );
                    rest
                }
                "shape" => {
                    let (dimensions, rest) = value.strip_prefix('(')?.split_once(')')?;
                    shape = Some(numbers(dimensions)?);
                    rest
                }
                _ => return None,
            };
            let trimmed = rest.trim_start();
            rest = trimmed.strip_prefix(',').unwrap_or(trimmed).trim_start();
        }
        Some(Self { descr: descr?, fortran: fortran?, shape: shape? })
    }
}

fn quoted(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('\'')?.split_once('\'')
}

fn numbers(text: &str) -> Option<Vec<usize>> {
    text.split(',').map(str::trim).filter(|n| !n.is_empty()).map(|n| n.parse().ok()).collect()
}
