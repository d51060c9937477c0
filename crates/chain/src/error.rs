//! Everything that can go wrong between the daemon and the chain, and what the caller can do about it.

use std::time::Duration;

use alloy::{
    primitives::{Address, B256, TxHash, U256},
    transports::{RpcError, TransportError, TransportErrorKind},
};
use thiserror::Error;

use crate::revert::Revert;

/// What a caller can do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// The same call may succeed later.
    Retry,
    /// The same call will fail again.
    Permanent,
    /// The other side misbehaved; use another one.
    PeerFault,
    /// The process, or the key, must stop until an operator looked at it.
    Fatal,
}

/// An error of this crate. URLs are never part of it: they may hold credentials.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum ChainError {
    /// No RPC URL was configured.
    #[error("no RPC endpoint is configured")]
    NoEndpoints,
    /// An RPC URL cannot be used.
    #[error("RPC endpoint {index} has an unusable URL: {reason}")]
    BadUrl {
        /// Position in the configuration.
        index: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// No answer in time.
    #[error("{endpoint} did not answer within {timeout:?}")]
    Timeout {
        /// Scheme and host of the endpoint.
        endpoint: String,
        /// The limit that passed.
        timeout: Duration,
    },
    /// The connection failed.
    #[error("{endpoint}: {reason}")]
    Transport {
        /// Scheme and host of the endpoint.
        endpoint: String,
        /// What the transport said.
        reason: String,
    },
    /// A response was larger than the limit.
    #[error("{endpoint} sent a response of more than {limit} bytes")]
    ResponseTooLarge {
        /// Scheme and host of the endpoint.
        endpoint: String,
        /// The limit, bytes.
        limit: usize,
    },
    /// A response could not be decoded.
    #[error("undecodable response: {reason}")]
    Decode {
        /// What the decoder said.
        reason: String,
    },
    /// Every endpoint failed, or is resting after failures.
    #[error("no endpoint answered after {attempts} attempts, the last said: {last}")]
    Exhausted {
        /// Calls made.
        attempts: u32,
        /// The last failure.
        last: String,
    },
    /// The node is asked too often.
    #[error("rate limited: {reason}")]
    RateLimited {
        /// What the node said.
        reason: String,
    },
    /// The node answered with a JSON-RPC error.
    #[error("the node refused: {message} (code {code})")]
    Rpc {
        /// JSON-RPC error code.
        code: i64,
        /// The node's message.
        message: String,
    },
    /// An answer that must exist does not, yet.
    #[error("the node does not have {what}")]
    Missing {
        /// What was asked for.
        what: String,
    },
    /// The chain is not the configured one.
    #[error("{endpoint} serves chain {got}, expected {expected}")]
    WrongChain {
        /// Scheme and host of the endpoint.
        endpoint: String,
        /// Configured chain id.
        expected: u64,
        /// Served chain id.
        got: u64,
    },
    /// Endpoints disagree about the canonical chain.
    #[error("endpoints disagree about block {number}: {first} against {other}")]
    Disagreement {
        /// Block number asked for.
        number: u64,
        /// One answer.
        first: B256,
        /// Another answer.
        other: B256,
    },
    /// An address that must be a contract has no code.
    #[error("there is no contract at {address}")]
    NoCode {
        /// The address.
        address: Address,
    },
    /// A contract is not the expected one.
    #[error("the code at {address} hashes to {got}, expected {expected}")]
    CodeHash {
        /// The address.
        address: Address,
        /// Expected keccak256 of the code.
        expected: B256,
        /// Actual keccak256 of the code.
        got: B256,
    },
    /// The chain was reorganised below everything that is remembered.
    #[error(
        "a reorg reaches below block {lowest_known}, deeper than {limit} blocks: rebuild from finalized state"
    )]
    ReorgTooDeep {
        /// Lowest block that is still remembered.
        lowest_known: u64,
        /// Deepest reorg that can be followed.
        limit: usize,
    },
    /// The service was shut down, or its receiver is gone.
    #[error("{service} has stopped")]
    Stopped {
        /// Which service.
        service: &'static str,
    },
    /// The call reverts when simulated.
    #[error("the call reverts: {revert}")]
    Reverts {
        /// Decoded revert data.
        revert: Revert,
    },
    /// The transaction was mined and reverted.
    #[error("transaction {hash} reverted in block {block}")]
    Reverted {
        /// Its hash.
        hash: TxHash,
        /// The block that holds it.
        block: u64,
    },
    /// The gas estimate exceeds the limit.
    #[error("the call needs {estimate} gas, more than {limit}")]
    GasTooHigh {
        /// Estimated gas.
        estimate: u64,
        /// Largest gas limit accepted.
        limit: u64,
    },
    /// The signer cannot pay for the transaction.
    #[error("{address} has {have} wei, the transaction needs {need} wei")]
    InsufficientNativeGas {
        /// The signer.
        address: Address,
        /// Its balance, wei.
        have: U256,
        /// Value plus the highest fee, wei.
        need: U256,
    },
    /// The base fee is above the fee cap.
    #[error("the base fee is {base_fee} wei per gas, above the cap of {cap} wei per gas")]
    FeeAboveCap {
        /// Base fee of the latest block, wei per gas.
        base_fee: u128,
        /// Configured cap, wei per gas.
        cap: u128,
    },
    /// The transaction was not mined by its deadline and was replaced by a self-transfer.
    #[error("the transaction with nonce {nonce} missed its deadline at block {deadline} and was cancelled")]
    DeadlinePassed {
        /// Its nonce.
        nonce: u64,
        /// The last block in which it was wanted.
        deadline: u64,
    },
    /// The transaction began to revert before it was mined, and was replaced by a self-transfer.
    #[error("the transaction with nonce {nonce} began to revert and was cancelled: {revert}")]
    Cancelled {
        /// Its nonce.
        nonce: u64,
        /// Why it reverts.
        revert: Revert,
    },
    /// The deadline passed before anything was sent.
    #[error("the deadline at block {deadline} has passed at block {block}, nothing was sent")]
    TooLate {
        /// The last block in which the transaction was wanted.
        deadline: u64,
        /// The latest block.
        block: u64,
    },
    /// The nonce was used before anything was sent with it, and again after a resync.
    #[error("nonce {nonce} is used already")]
    NonceDrift {
        /// The nonce.
        nonce: u64,
    },
    /// The node rejected the transaction before it entered the pool.
    #[error("the node rejected the transaction: {reason}")]
    Rejected {
        /// What the node said.
        reason: String,
    },
    /// Somebody else used a nonce of this key.
    #[error("nonce {nonce} of {address} was used by a transaction that is not ours")]
    ForeignNonce {
        /// The signer.
        address: Address,
        /// The nonce.
        nonce: u64,
    },
    /// Too many transactions of this key are in flight.
    #[error("{in_flight} transactions are in flight, the limit is {limit}")]
    Backlog {
        /// Transactions in flight.
        in_flight: usize,
        /// The limit.
        limit: usize,
    },
    /// The journal failed, so nothing may be signed.
    #[error("the transaction journal failed: {reason}")]
    Journal {
        /// What the journal said.
        reason: String,
        /// How the journal classifies it.
        class: ErrorClass,
    },
    /// Signing failed.
    #[error("signing failed: {reason}")]
    Signing {
        /// What the signer said.
        reason: String,
    },
    /// Another process holds the key.
    #[error("{address} is in use by another process with this data directory")]
    KeyInUse {
        /// The signer.
        address: Address,
    },
    /// A key file is refused.
    #[error("key file refused: {reason}")]
    Keystore {
        /// Why; never the key or the password.
        reason: String,
    },
    /// The key file names another address than its key has.
    #[error("the key file is for {stated}, its key is that of {derived}")]
    AddressMismatch {
        /// Address in the file.
        stated: Address,
        /// Address of the key.
        derived: Address,
    },
    /// The password does not open the key file.
    #[error("wrong password")]
    WrongPassword,
    /// A password source cannot be read.
    #[error("no password: {reason}")]
    Password {
        /// Why.
        reason: String,
    },
    /// A file operation failed.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// A child process (anvil) could not be run.
    #[error("anvil: {reason}")]
    Anvil {
        /// What happened.
        reason: String,
    },
    /// A metric is registered twice.
    #[error("metrics: {reason}")]
    Metrics {
        /// What the registry said.
        reason: String,
    },
}

/// Result of this crate.
pub type Result<T, E = ChainError> = std::result::Result<T, E>;

impl ChainError {
    /// What the caller can do about it.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Timeout { .. }
            | Self::Transport { .. }
            | Self::Exhausted { .. }
            | Self::RateLimited { .. }
            | Self::Missing { .. }
            | Self::FeeAboveCap { .. }
            | Self::NonceDrift { .. }
            | Self::Backlog { .. } => ErrorClass::Retry,
            Self::ResponseTooLarge { .. } | Self::Decode { .. } | Self::Disagreement { .. } => {
                ErrorClass::PeerFault
            }
            Self::WrongChain { .. }
            | Self::NoCode { .. }
            | Self::CodeHash { .. }
            | Self::ReorgTooDeep { .. }
            | Self::ForeignNonce { .. }
            | Self::KeyInUse { .. }
            | Self::NoEndpoints
            | Self::BadUrl { .. }
            | Self::Signing { .. } => ErrorClass::Fatal,
            Self::Journal { class, .. } => *class,
            _ => ErrorClass::Permanent,
        }
    }

    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        self.class() == ErrorClass::Retry
    }

    pub(crate) fn file(path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::File { path: path.display().to_string(), reason: error.to_string() }
    }
}

impl From<TransportError> for ChainError {
    fn from(error: TransportError) -> Self {
        match error {
            RpcError::ErrorResp(payload) => {
                if let Some(data) = payload.as_revert_data() {
                    return Self::Reverts { revert: Revert::decode(data, &payload.message) };
                }
                if payload.message.contains("execution reverted") {
                    return Self::Reverts { revert: Revert::decode(Default::default(), &payload.message) };
                }
                let message = payload.message.to_string();
                if payload.is_retry_err() {
                    return Self::RateLimited { reason: message };
                }
                Self::Rpc { code: payload.code, message }
            }
            RpcError::NullResp => Self::Missing { what: "the requested object".into() },
            RpcError::Transport(TransportErrorKind::Custom(source)) => match source.downcast::<Self>() {
                Ok(own) => *own,
                Err(other) => Self::Transport { endpoint: "node".into(), reason: other.to_string() },
            },
            RpcError::Transport(TransportErrorKind::NonRetryable(source)) => {
                match source.downcast::<Self>() {
                    Ok(own) => *own,
                    Err(other) => Self::Rejected { reason: other.to_string() },
                }
            }
            RpcError::Transport(kind) => {
                Self::Transport { endpoint: "node".into(), reason: kind.to_string() }
            }
            RpcError::DeserError { err, .. } => Self::Decode { reason: err.to_string() },
            other => Self::Decode { reason: other.to_string() },
        }
    }
}
