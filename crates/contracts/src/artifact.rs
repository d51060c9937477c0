//! Compiled contracts that are embedded in the binary.

use alloy::{
    json_abi::JsonAbi,
    primitives::{Address, Bytes, hex},
};
use serde_json::Value;
use thiserror::Error;

/// Creation code of one contract, its libraries not yet linked.
#[derive(Clone, Debug)]
pub struct Artifact {
    name: &'static str,
    abi: JsonAbi,
    code: String,
    links: Vec<Link>,
}

/// A place in the creation code where a library's address belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Link {
    library: String,
    start: usize,
}

/// What is wrong with an embedded artifact.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ArtifactError {
    /// No artifact has this name.
    #[error("no contract named {0} is embedded")]
    Unknown(String),
    /// The file is not what the build writes.
    #[error("the artifact of {name} is malformed: {reason}")]
    Malformed {
        /// Contract.
        name: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A library that the contract links to was not given.
    #[error("{name} links to {library}, whose address was not given")]
    Unlinked {
        /// Contract.
        name: &'static str,
        /// Library.
        library: String,
    },
}

macro_rules! embedded {
    ($($name:literal),* $(,)?) => {
        const EMBEDDED: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../artifacts/", $name, ".json")))),*];
    };
}

embedded!(
    "IAuctionHouse",
    "IStrategyRegistry",
    "IMarkets",
    "IFeed",
    "IExecutor",
    "IProofVerifier",
    "AuctionHouse",
    "StrategyRegistry",
    "Markets",
    "UniswapV2TwapFeed",
    "ChainlinkFeed",
    "ChainFeed",
    "PostedAggregator",
    "InventoryExecutor",
    "UniswapV2Executor",
    "UniswapV3TwapFeed",
    "PythFeed",
    "UniswapV3Executor",
    "IProvenQuotes",
    "ProvenQuotes",
    "CoinOrders",
    "DemoToken",
    "WrapIdentity",
    "WrapVerifier",
    "CompactIdentity",
    "CompactVerifier",
    "Compact16Identity",
    "Compact16Verifier",
);

/// The embedded artifact of a contract.
///
/// # Errors
/// When there is none of that name, or it is malformed.
pub fn artifact(name: &str) -> Result<Artifact, ArtifactError> {
    let found = EMBEDDED.iter().find(|(known, _)| *known == name);
    let (name, text) = found.ok_or_else(|| ArtifactError::Unknown(name.into()))?;
    Artifact::parse(name, text)
}

impl Artifact {
    fn parse(name: &'static str, text: &str) -> Result<Self, ArtifactError> {
        let malformed = |reason: String| ArtifactError::Malformed { name, reason };
        let json: Value = serde_json::from_str(text).map_err(|e| malformed(e.to_string()))?;
        let abi = serde_json::from_value(json["abi"].clone()).map_err(|e| malformed(e.to_string()))?;
        let code = json["bytecode"].as_str().unwrap_or("0x").trim_start_matches("0x").to_owned();
        let mut links = Vec::new();
        for libraries in json["linkReferences"].as_object().into_iter().flat_map(serde_json::Map::values) {
            for (library, places) in libraries.as_object().into_iter().flatten() {
                for place in places.as_array().into_iter().flatten() {
                    let start = place["start"].as_u64().and_then(|s| usize::try_from(s).ok());
                    let start = start.ok_or_else(|| malformed(format!("link of {library} has no start")))?;
                    links.push(Link { library: library.clone(), start });
                }
            }
        }
        Ok(Self { name, abi, code, links })
    }

    /// The ABI.
    pub const fn abi(&self) -> &JsonAbi {
        &self.abi
    }

    /// Creation code linked to `libraries`, followed by the encoded constructor arguments.
    ///
    /// # Errors
    /// When a library is missing or the code is no hexadecimal.
    pub fn creation_code(
        &self,
        libraries: &[(&str, Address)],
        arguments: &[u8],
    ) -> Result<Bytes, ArtifactError> {
        let mut code = self.code.clone().into_bytes();
        for Link { library, start } in &self.links {
            let address = libraries.iter().find(|(name, _)| name == library).map(|(_, address)| address);
            let address = address
                .ok_or_else(|| ArtifactError::Unlinked { name: self.name, library: library.clone() })?;
            let place = code.get_mut(2 * start..2 * start + 40).ok_or_else(|| ArtifactError::Malformed {
                name: self.name,
                reason: format!("link of {library} lies outside the code"),
            })?;
            place.copy_from_slice(hex::encode(address).as_bytes());
        }
        let mut bytes = hex::decode(code)
            .map_err(|e| ArtifactError::Malformed { name: self.name, reason: e.to_string() })?;
        bytes.extend_from_slice(arguments);
        Ok(bytes.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_artifact_parses() {
        for (name, _) in EMBEDDED {
            assert!(artifact(name).unwrap().abi().items().count() > 0, "{name}");
        }
        assert!(matches!(artifact("Nothing"), Err(ArtifactError::Unknown(_))));
    }

    #[test]
    fn libraries_are_linked_where_the_compiler_left_room() {
        let hole = "__$0123456789012345678901234567890123$__";
        let text = format!(
            r#"{{"abi":[],"bytecode":"0x60{hole}61","linkReferences":{{"a.sol":{{"Lib":[{{"start":1,"length":20}}]}}}}}}"#
        );
        let artifact = Artifact::parse("Test", &text).unwrap();
        assert!(matches!(artifact.creation_code(&[], &[]), Err(ArtifactError::Unlinked { .. })));
        let lib = Address::repeat_byte(0xab);
        let code = artifact.creation_code(&[("Lib", lib)], &[0xff]).unwrap();
        assert_eq!(code[0], 0x60);
        assert_eq!(&code[1..21], lib.as_slice());
        assert_eq!(&code[21..], [0x61, 0xff]);
    }
}
