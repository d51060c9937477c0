//! A look at the protobuf wire format before it is decoded.
//!
//! A decoded message takes hundreds of bytes where its encoding takes two, so a small file could fill the memory. This
//! walk allocates nothing, and bounds the number of messages that the decoder will build.

use crate::ModelError;

/// Most nodes, attributes, tensors and other sub-messages in a file.
const MAX_MESSAGES: usize = 1 << 16;
/// Most numbers in repeated fields of attributes and tensors; a byte of the file can become eight in memory.
const MAX_NUMBERS: usize = 1 << 23;
/// Most strings in repeated fields; two bytes of the file can become twenty-four in memory. Trees have one for each node.
const MAX_STRINGS: usize = 1 << 20;
/// Deepest nesting of the messages that are walked.
const MAX_DEPTH: u32 = 12;

/// Messages whose repeated fields matter.
#[derive(Clone, Copy)]
enum Kind {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    Value,
    Type,
    TensorType,
    Shape,
    /// Anything else: counted, not entered.
    Leaf,
}

impl Kind {
    /// The message in a length-delimited field, or `None` for strings, bytes and packed numbers. Numbers are from
    /// `onnx.proto`.
    const fn child(self, field: u64) -> Option<Self> {
        match (self, field) {
            (Self::Model, 7) => Some(Self::Graph),
            (Self::Model, 8 | 14 | 20 | 25) => Some(Self::Leaf),
            (Self::Graph, 1) => Some(Self::Node),
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) => Some(Self::Tensor),
            (Self::Graph, 14 | 15) => Some(Self::Leaf),
            (Self::Graph, 11..=13) => Some(Self::Value),
            // Strings here are as cheap to encode as messages.
            (Self::Node, 1 | 2) => Some(Self::Leaf),
            (Self::Node, 5) => Some(Self::Attribute),
            (Self::Attribute, 6 | 11) => Some(Self::Graph),
            (Self::Attribute, 14 | 15 | 22 | 23) | (Self::Tensor, 3 | 13) => Some(Self::Leaf),
            (Self::Value, 2) => Some(Self::Type),
            (Self::Type, 1) => Some(Self::TensorType),
            (Self::TensorType, 2) => Some(Self::Shape),
            (Self::Shape, 1) => Some(Self::Leaf),
            _ => None,
        }
    }
}

/// How a repeated field without messages is counted.
#[derive(Clone, Copy)]
enum Repeated {
    Varints,
    Fixed(usize),
    Strings,
}

impl Kind {
    const fn repeated(self, field: u64) -> Option<Repeated> {
        match (self, field) {
            (Self::Attribute, 8) | (Self::Tensor, 1 | 5 | 7 | 11) => Some(Repeated::Varints),
            (Self::Attribute, 7) | (Self::Tensor, 4) => Some(Repeated::Fixed(4)),
            (Self::Tensor, 10) => Some(Repeated::Fixed(8)),
            (Self::Attribute, 9) | (Self::Tensor, 6) => Some(Repeated::Strings),
            _ => None,
        }
    }
}

/// What the walk has counted.
#[derive(Default)]
struct Counts {
    messages: usize,
    numbers: usize,
    strings: usize,
}

impl Counts {
    fn check(&self) -> Result<(), ModelError> {
        for (what, got, limit) in [
            ("protobuf messages", self.messages, MAX_MESSAGES),
            ("numbers in attributes and tensors", self.numbers, MAX_NUMBERS),
            ("strings in attributes", self.strings, MAX_STRINGS),
        ] {
            if got > limit {
                return Err(ModelError::TooLarge { what, got, limit });
            }
        }
        Ok(())
    }

    /// Counts a length-delimited field that holds no message.
    fn field(&mut self, repeated: Option<Repeated>, body: &[u8]) {
        match repeated {
            // The last byte of every number is the one below 128.
            Some(Repeated::Varints) => self.numbers += body.iter().filter(|&&b| b < 0x80).count(),
            Some(Repeated::Fixed(size)) => self.numbers += body.len() / size,
            Some(Repeated::Strings) => self.strings += 1,
            None => {}
        }
    }
}

/// Checks that the bytes are well-formed and hold no more than the limits allow.
pub(super) fn check(bytes: &[u8]) -> Result<(), ModelError> {
    walk(bytes, Kind::Model, 0, &mut Counts::default())
}

fn malformed(reason: &'static str) -> ModelError {
    ModelError::Decode { reason: reason.to_owned() }
}

fn walk(mut bytes: &[u8], kind: Kind, depth: u32, counts: &mut Counts) -> Result<(), ModelError> {
    if depth > MAX_DEPTH {
        return Err(malformed("messages are nested too deeply"));
    }
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let field = tag >> 3;
        match tag & 7 {
            0 => {
                varint(&mut bytes)?;
                counts.numbers += usize::from(kind.repeated(field).is_some());
            }
            1 => {
                take(&mut bytes, 8)?;
                counts.numbers += 1;
            }
            2 => {
                let length = varint(&mut bytes)?;
                let body = take(&mut bytes, length)?;
                match kind.child(field) {
                    Some(child) => {
                        counts.messages += 1;
                        counts.check()?;
                        if !matches!(child, Kind::Leaf) {
                            walk(body, child, depth + 1, counts)?;
                        }
                    }
                    None => counts.field(kind.repeated(field), body),
                }
            }
            5 => {
                take(&mut bytes, 4)?;
                counts.numbers += 1;
            }
            _ => return Err(malformed("a field has a wire type that proto3 does not use")),
        }
        counts.check()?;
    }
    Ok(())
}

fn take<'a>(bytes: &mut &'a [u8], length: u64) -> Result<&'a [u8], ModelError> {
    let (head, tail) = usize::try_from(length)
        .ok()
        .and_then(|n| bytes.split_at_checked(n))
        .ok_or_else(|| malformed("a field is longer than its message"))?;
    *bytes = tail;
    Ok(head)
}

fn varint(bytes: &mut &[u8]) -> Result<u64, ModelError> {
    let mut value = 0u64;
    for position in 0..10 {
        let (&byte, tail) = bytes.split_first().ok_or_else(|| malformed("a number is cut off"))?;
        *bytes = tail;
        value |= u64::from(byte & 0x7f) << (7 * position);
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(malformed("a number takes more than ten bytes"))
}
