//! Jobs for another machine, as bytes; whoever asked verifies what comes back. None holds a model. A wrap may go anywhere: what
//! it is given is published with the settlement. Merges and seals show the quotes of losing sheets, and whoever seals chooses
//! the blinding: they go to machines of one's own.

use std::fmt;

use alloy_primitives::Address;
use sotto_types::{DATA_BYTES, PublicData};
use thiserror::Error;

use crate::{MergeJob, Part, ProvenNode, ProvenSheet, WrapJob, WrappedProof};

/// Longest proof inside a job, bytes. A sheet's has less than half of that.
const MAX_PROOF_BYTES: usize = 1 << 20;

/// Bytes that are no job.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenJobError {
    /// The bytes end early, or go on after the end.
    #[error("the job has {got} bytes, which is not its length")]
    Length {
        /// Bytes that came.
        got: usize,
    },
    /// A byte that says what follows has an unknown value.
    #[error("{what} cannot be {value}")]
    Tag {
        /// What the byte is.
        what: &'static str,
        /// Its value.
        value: u64,
    },
    /// The public data is not canonical.
    #[error("the public data is not canonical")]
    Data,
}

/// A sheet's, seal's or node's proof with what it takes to verify it.
#[derive(Clone, PartialEq, Eq)]
pub enum PartBytes {
    /// A proof of the sheets' shape.
    Sheet {
        /// Its class.
        class_id: u32,
        /// Slots that its leaf serves; 32 for a seal.
        capacity: u32,
        /// The proof.
        proof: Vec<u8>,
    },
    /// A node.
    Node {
        /// Its level, 1 to 4.
        level: u32,
        /// The proof.
        proof: Vec<u8>,
    },
}

impl fmt::Debug for PartBytes {
    /// Shows no proof: its public inputs tell what sheets bid.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sheet { class_id, capacity, .. } => f
                .debug_struct("Sheet")
                .field("class_id", class_id)
                .field("capacity", capacity)
                .finish_non_exhaustive(),
            Self::Node { level, .. } => f.debug_struct("Node").field("level", level).finish_non_exhaustive(),
        }
    }
}

impl From<&ProvenSheet> for PartBytes {
    fn from(sheet: &ProvenSheet) -> Self {
        // Capacities are at most 32.
        let capacity = u32::try_from(sheet.capacity).unwrap_or(u32::MAX);
        Self::Sheet { class_id: sheet.class_id, capacity, proof: sheet.bytes.clone() }
    }
}

impl From<&ProvenNode> for PartBytes {
    fn from(node: &ProvenNode) -> Self {
        Self::Node { level: u32::try_from(node.level).unwrap_or(u32::MAX), proof: node.bytes.clone() }
    }
}

impl From<&Part> for PartBytes {
    fn from(part: &Part) -> Self {
        match part {
            Part::Sheet(sheet) => sheet.into(),
            Part::Node(node) => node.into(),
        }
    }
}

/// A job that another machine may do; only a wrap may go to a stranger's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenJob {
    /// Merge two parts, or lift one.
    Merge {
        /// The part with the lower commit indices.
        left: PartBytes,
        /// The part with the higher ones.
        right: Option<PartBytes>,
    },
    /// Seal a node.
    Seal {
        /// The node.
        node: PartBytes,
    },
    /// Wrap a sheet or seal for the chain, in the profile of whoever asks and of whoever does it.
    Wrap {
        /// The sheet or seal.
        sheet: PartBytes,
        /// The public data of the settlement.
        data: Box<PublicData>,
        /// The chain.
        chain_id: u64,
        /// The settlement contract.
        auction_house: Address,
    },
}

impl From<&MergeJob> for OpenJob {
    fn from(job: &MergeJob) -> Self {
        Self::Merge { left: (&job.left).into(), right: job.right.as_ref().map(Into::into) }
    }
}

impl From<&WrapJob> for OpenJob {
    fn from(job: &WrapJob) -> Self {
        Self::Wrap {
            sheet: (&job.sheet).into(),
            data: Box::new(job.data.clone()),
            chain_id: job.chain_id,
            auction_house: job.auction_house,
        }
    }
}

/// What an open job gives, verified.
#[derive(Clone, Debug)]
pub enum OpenProof {
    /// Of a merge.
    Node(ProvenNode),
    /// Of a seal.
    Sealed(ProvenSheet),
    /// Of a wrap.
    Wrapped(WrappedProof),
}

impl OpenProof {
    /// The proof's canonical encoding, which the job's owner verifies.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Node(node) => node.bytes.clone(),
            Self::Sealed(sheet) => sheet.bytes.clone(),
            Self::Wrapped(wrapped) => wrapped.proof.to_bytes(),
        }
    }
}

impl OpenJob {
    /// One encoding for each job: tags of one byte, integers big-endian, proofs behind their length in four bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Merge { left, right } => {
                out.push(0);
                write_part(&mut out, left);
                out.push(u8::from(right.is_some()));
                if let Some(right) = right {
                    write_part(&mut out, right);
                }
            }
            Self::Seal { node } => {
                out.push(1);
                write_part(&mut out, node);
            }
            Self::Wrap { sheet, data, chain_id, auction_house } => {
                out.push(2);
                write_part(&mut out, sheet);
                out.extend(data.to_bytes());
                out.extend(chain_id.to_be_bytes());
                out.extend_from_slice(auction_house.as_slice());
            }
        }
        out
    }

    /// Decodes a job; its proofs still have to be verified.
    ///
    /// # Errors
    /// When the bytes are not the encoding of a job.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, OpenJobError> {
        let mut reader = Reader { rest: bytes, length: bytes.len() };
        let job = match reader.tag()? {
            0 => {
                let left = reader.part()?;
                let right = match reader.tag()? {
                    0 => None,
                    1 => Some(reader.part()?),
                    value => return Err(OpenJobError::Tag { what: "the right side", value: value.into() }),
                };
                Self::Merge { left, right }
            }
            1 => Self::Seal { node: reader.part()? },
            2 => Self::Wrap {
                sheet: reader.part()?,
                data: Box::new(
                    PublicData::from_bytes(reader.take(DATA_BYTES)?).map_err(|_| OpenJobError::Data)?,
                ),
                chain_id: reader.word()?,
                auction_house: Address::from_slice(reader.take(Address::len_bytes())?),
            },
            value => return Err(OpenJobError::Tag { what: "the job", value: value.into() }),
        };
        if reader.rest.is_empty() { Ok(job) } else { Err(OpenJobError::Length { got: bytes.len() }) }
    }
}

fn write_part(out: &mut Vec<u8>, part: &PartBytes) {
    let proof = match part {
        PartBytes::Sheet { class_id, capacity, proof } => {
            out.push(0);
            out.extend(class_id.to_be_bytes());
            out.extend(capacity.to_be_bytes());
            proof
        }
        PartBytes::Node { level, proof } => {
            out.push(1);
            out.extend(level.to_be_bytes());
            proof
        }
    };
    // Proofs have some hundred thousand bytes.
    out.extend(u32::try_from(proof.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(proof);
}

struct Reader<'a> {
    rest: &'a [u8],
    length: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], OpenJobError> {
        let (taken, rest) =
            self.rest.split_at_checked(count).ok_or(OpenJobError::Length { got: self.length })?;
        self.rest = rest;
        Ok(taken)
    }

    fn tag(&mut self) -> Result<u8, OpenJobError> {
        Ok(self.take(1)?.iter().copied().sum())
    }

    fn number(&mut self, bytes: usize) -> Result<u64, OpenJobError> {
        Ok(self.take(bytes)?.iter().fold(0, |acc, &byte| (acc << 8) | u64::from(byte)))
    }

    fn word(&mut self) -> Result<u64, OpenJobError> {
        self.number(8)
    }

    fn half(&mut self) -> Result<u32, OpenJobError> {
        // Four bytes.
        Ok(u32::try_from(self.number(4)?).unwrap_or(u32::MAX))
    }

    fn part(&mut self) -> Result<PartBytes, OpenJobError> {
        match self.tag()? {
            0 => {
                Ok(PartBytes::Sheet { class_id: self.half()?, capacity: self.half()?, proof: self.proof()? })
            }
            1 => Ok(PartBytes::Node { level: self.half()?, proof: self.proof()? }),
            value => Err(OpenJobError::Tag { what: "a part", value: value.into() }),
        }
    }

    fn proof(&mut self) -> Result<Vec<u8>, OpenJobError> {
        let length = self.half()? as usize;
        if length > MAX_PROOF_BYTES {
            return Err(OpenJobError::Length { got: length });
        }
        Ok(self.take(length)?.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sotto_types::{Claim, Digest, SHEETS, SLOTS, SheetRef, Slot};

    fn jobs() -> Vec<OpenJob> {
        let sheet = || PartBytes::Sheet { class_id: 7, capacity: 32, proof: vec![1, 2, 3] };
        let node = || PartBytes::Node { level: 2, proof: vec![4; 300] };
        let data = PublicData {
            round_id: alloy_primitives::B256::repeat_byte(3),
            key_set_root: Digest::new([1, 2, 3, 4]).unwrap(),
            features: [-5; sotto_types::MARKET_FEATURES],
            slots: [Slot { features: [1, -2, 3, i32::MIN], ..Slot::default() }; SLOTS],
            claims: [Claim { best: u32::MAX, second: 1, winner: 2 }; SLOTS],
            sheets: [SheetRef { index: 9, ..SheetRef::default() }; SHEETS],
        };
        vec![
            OpenJob::Merge { left: sheet(), right: None },
            OpenJob::Merge { left: node(), right: Some(node()) },
            OpenJob::Seal { node: node() },
            OpenJob::Wrap {
                sheet: sheet(),
                data: Box::new(data),
                chain_id: u64::MAX,
                auction_house: Address::repeat_byte(8),
            },
        ]
    }

    // covers: Z3
    #[test]
    fn jobs_survive_their_encoding_and_nothing_else_decodes() {
        for job in jobs() {
            let bytes = job.to_bytes();
            assert_eq!(OpenJob::from_bytes(&bytes).unwrap(), job);
            for end in 0..bytes.len() {
                assert!(OpenJob::from_bytes(&bytes[..end]).is_err(), "{end}");
            }
            assert!(OpenJob::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
            let mut other = bytes.clone();
            other[0] = 3;
            assert!(matches!(
                OpenJob::from_bytes(&other),
                Err(OpenJobError::Tag { what: "the job", value: 3 })
            ));
            other[0] = bytes[0];
            other[1] = 2;
            assert!(matches!(
                OpenJob::from_bytes(&other),
                Err(OpenJobError::Tag { what: "a part", value: 2 })
            ));
        }
        let endless = [&[1u8, 1, 0, 0, 0, 1][..], &[0xff; 4]].concat();
        assert_eq!(OpenJob::from_bytes(&endless), Err(OpenJobError::Length { got: u32::MAX as usize }));
    }
}
