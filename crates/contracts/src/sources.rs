//! What a block explorer needs to verify the deployed contracts: the compiler's standard JSON input of each.

use std::collections::BTreeMap;

use alloy::primitives::{Address, Bytes};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{DeployError, Step};

/// The sources of all deployable contracts, and how each was compiled; written by `make contracts`.
const SOURCES: &str = include_str!("../artifacts/sources.json");

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Sources {
    files: BTreeMap<String, String>,
    contracts: BTreeMap<String, Compiled>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Compiled {
    name: String,
    compiler: String,
    settings: Value,
    files: Vec<String>,
}

/// One contract's verification input.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// Where it is.
    pub address: Address,
    /// File and contract, `src/X.sol:X`.
    pub contract_name: String,
    /// Compiler with its commit.
    pub compiler_version: String,
    /// ABI-encoded arguments of the constructor.
    pub constructor_arguments: Bytes,
    /// The compiler's standard JSON input.
    pub standard_json_input: Value,
}

/// Verification input of a planned contract.
///
/// # Errors
/// When its sources are not embedded.
pub fn verification(step: &Step) -> Result<Verification, DeployError> {
    let missing = || DeployError::NoSources { contract: step.contract.clone() };
    let sources: Sources = serde_json::from_str(SOURCES).map_err(|_| missing())?;
    let compiled = sources.contracts.get(&step.contract).ok_or_else(missing)?;
    let mut files = serde_json::Map::new();
    for path in &compiled.files {
        let content = sources.files.get(path).ok_or_else(missing)?;
        files.insert(path.clone(), serde_json::json!({ "content": content }));
    }
    Ok(Verification {
        address: step.address,
        contract_name: compiled.name.clone(),
        compiler_version: compiled.compiler.clone(),
        constructor_arguments: step.arguments.clone(),
        standard_json_input: serde_json::json!({
            "language": "Solidity",
            "sources": files,
            "settings": compiled.settings,
        }),
    })
}
