//! The gateway's interfaces: JSON-RPC over HTTP and WebSocket for traders and solvers, HTTP for operators, and a client.
//!
//! # JSON-RPC, namespace `sotto_`
//!
//! | method | parameter | result |
//! |---|---|---|
//! | `sotto_sendIntent` | `{intent, signature}` | the intent's hash |
//! | `sotto_cancelIntent` | `{intentHash, signature?}` | `true` |
//! | `sotto_getIntent` | `{intentHash}` or the hash | [`wire::IntentView`] |
//! | `sotto_getRound` | `{roundId}` or the id | [`wire::RoundView`] |
//! | `sotto_getMarkets` | none | list of [`wire::MarketView`] |
//! | `sotto_submitSheet` | [`sotto_auction::SheetSubmission`] | `"accepted"` or `"known"` |
//! | `sotto_subscribe` | `"intents"`, `"rounds"` or `"fills"` | notifications `sotto_subscription` with [`wire::NewsView`] |
//!
//! A parameter is the one element of the parameter list, or the parameter object itself. Unknown and repeated fields are
//! refused. Hashes, addresses and bytes are `0x` and hexadecimal digits; an address in mixed case must have the right
//! checksum. 256-bit numbers are written as decimal strings or as `0x` quantities without leading zeros, 64-bit ones as JSON
//! integers or decimal strings; answers have 256-bit numbers as `0x` quantities.
//!
//! A cancellation is signed as EIP-712 `CancelIntent(bytes32 intentHash)` under the domain `{name: "sotto", version: "1",
//! chainId, verifyingContract: the auction house}`. It stops this gateway only; what stops everybody is to invalidate the
//! Permit2 nonce on chain, after which `sotto_cancelIntent` needs no signature.
//!
//! Errors carry `data: {code, reason, action, path?}`: a stable name, what is wrong, what to do, and the field. Numbers are
//! those of [`sotto_auction::gateway::RefusalCode::number`], and -32602 for parameters that cannot be read.
//!
//! # HTTP
//!
//! `/livez` (the loop makes progress), `/readyz` (requests would be served; 503 with reasons otherwise), `/status` (JSON),
//! `/metrics` (Prometheus), `/` (a page with rounds and fills). It is meant for operators: bind it to a private address.

pub mod client;
mod config;
mod error;
mod http;
mod limit;
mod listener;
mod metrics;
mod page;
mod rpc;
mod serve;
pub mod wire;

pub use config::ApiConfig;
pub use error::{ApiError, ErrorData};
pub use serve::{Bound, serve};
