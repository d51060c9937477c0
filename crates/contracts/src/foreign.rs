//! Bytecode of other projects' contracts, read from their npm packages: local chains need it, real ones have it already.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use alloy::primitives::{Bytes, hex};
use serde_json::Value;
use thiserror::Error;

/// Why a foreign contract's bytecode could not be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ForeignError {
    /// The package is not installed, or its file is unreadable.
    #[error("{path}: {source}; `make setup` installs the packages")]
    Read {
        /// File.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// The file holds no bytecode where it is expected.
    #[error("{path} holds no bytecode")]
    NoBytecode {
        /// File.
        path: PathBuf,
    },
}

/// The folder of installed npm packages.
#[derive(Clone, Debug)]
pub struct Packages(PathBuf);

impl Packages {
    /// Packages in `node_modules`.
    pub const fn new(node_modules: PathBuf) -> Self {
        Self(node_modules)
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Creation code of the Uniswap V2 factory; its one argument is the address that may set fees.
    ///
    /// # Errors
    /// When the package is not installed or holds no bytecode.
    pub fn uniswap_v2_factory(&self) -> Result<Bytes, ForeignError> {
        let (path, text) = self.read("@uniswap/v2-core/build/UniswapV2Factory.json")?;
        let json: Option<Value> = serde_json::from_str(&text).ok();
        bytecode(json.as_ref().and_then(|json| json["bytecode"].as_str()), path)
    }

    /// Runtime code of Permit2, for its canonical address. The package's code has cached the domain of another address on
    /// chain 31337; with that chain id cleared it computes its domain itself, as it does after a fork.
    ///
    /// # Errors
    /// When the package is not installed or holds no bytecode.
    pub fn permit2_runtime(&self) -> Result<Bytes, ForeignError> {
        let (path, text) = self.read("@uniswap/v4-periphery/lib/permit2/test/utils/DeployPermit2.sol")?;
        let literal =
            text.split_once("hex\"").and_then(|(_, rest)| rest.split_once('"')).map(|(code, _)| code);
        let mut code = bytecode(literal, path.clone())?.to_vec();
        let mut cached = [0; 32];
        cached[30..].copy_from_slice(&31_337u16.to_be_bytes());
        let at = code.windows(32).position(|word| word == cached).ok_or(ForeignError::NoBytecode { path })?;
        code[at..at + 32].fill(0);
        Ok(code.into())
    }

    fn read(&self, file: &str) -> Result<(PathBuf, String), ForeignError> {
        let path = self.0.join(file);
        match fs::read_to_string(&path) {
            Ok(text) => Ok((path, text)),
            Err(source) => Err(ForeignError::Read { path, source }),
        }
    }
}

fn bytecode(text: Option<&str>, path: PathBuf) -> Result<Bytes, ForeignError> {
    let code = text.and_then(|text| hex::decode(text).ok()).filter(|code| !code.is_empty());
    code.map(Bytes::from).ok_or(ForeignError::NoBytecode { path })
}
