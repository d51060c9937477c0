//! A look at the protobuf wire format before it is decoded.
//!
//! A decoded message takes hundreds of bytes where its encoding takes two, so a small file could fill the memory. This
//! walk allocates nothing, and bounds the number of messages that the decoder will build.

use crate::ModelError;

/// Most nodes, attributes, tensors and other sub-messages in a file.
const MAX_MESSAGES: usize = 8192;
/// Deepest nesting of the messages that are walked.
const MAX_DEPTH: u32 = 12;

/// Messages whose repeated fields matter.
#[derive(Clone, Copy)]
enum Kind {
    Model,
    Graph,
    Node,
    Attribute,
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
            (Self::Graph, 5 | 14 | 15) => Some(Self::Leaf),
            (Self::Graph, 11..=13) => Some(Self::Value),
            // Strings here are as cheap to encode as messages.
            (Self::Node, 1 | 2) => Some(Self::Leaf),
            (Self::Node, 5) => Some(Self::Attribute),
            (Self::Attribute, 6 | 11) => Some(Self::Graph),
            (Self::Attribute, 5 | 9 | 10 | 14 | 15 | 22 | 23) => Some(Self::Leaf),
            (Self::Value, 2) => Some(Self::Type),
            (Self::Type, 1) => Some(Self::TensorType),
            (Self::TensorType, 2) => Some(Self::Shape),
            (Self::Shape, 1) => Some(Self::Leaf),
            _ => None,
        }
    }
}

/// Checks that the bytes are well-formed and hold at most [`MAX_MESSAGES`] messages.
pub(super) fn check(bytes: &[u8]) -> Result<(), ModelError> {
    let mut messages = 0;
    walk(bytes, Kind::Model, 0, &mut messages)
}

fn malformed(reason: &'static str) -> ModelError {
    ModelError::Decode { reason: reason.to_owned() }
}

fn walk(mut bytes: &[u8], kind: Kind, depth: u32, messages: &mut usize) -> Result<(), ModelError> {
    if depth > MAX_DEPTH {
        return Err(malformed("messages are nested too deeply"));
    }
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        match tag & 7 {
            0 => {
                varint(&mut bytes)?;
            }
            1 => {
                take(&mut bytes, 8)?;
            }
            2 => {
                let length = varint(&mut bytes)?;
                let body = take(&mut bytes, length)?;
                if let Some(child) = kind.child(tag >> 3) {
                    *messages += 1;
                    if *messages > MAX_MESSAGES {
                        let (got, limit) = (*messages, MAX_MESSAGES);
                        return Err(ModelError::TooLarge { what: "protobuf messages", got, limit });
                    }
                    if !matches!(child, Kind::Leaf) {
                        walk(body, child, depth + 1, messages)?;
                    }
                }
            }
            5 => {
                take(&mut bytes, 4)?;
            }
            _ => return Err(malformed("a field has a wire type that proto3 does not use")),
        }
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
