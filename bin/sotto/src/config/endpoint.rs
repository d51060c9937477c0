//! Node addresses. A provider's key is often part of the path or the query, so an address is never shown whole.

use alloy::transports::http::reqwest::Url;
use serde::{Deserialize, Serialize, de};

use super::{ConfigError, SecretRef};

/// A node's address, or where to find it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// Written in the configuration.
    Plain(Url),
    /// Kept elsewhere, because it carries a key.
    Secret(SecretRef),
}

impl Endpoint {
    /// The address itself. `key` names the configuration key in errors.
    pub(crate) fn url(&self, key: &str) -> Result<Url, ConfigError> {
        match self {
            Self::Plain(url) => Ok(url.clone()),
            Self::Secret(secret) => {
                parse(&secret.read(key)?).map_err(|reason| ConfigError::invalid(key, reason))
            }
        }
    }

    /// What may be shown: scheme, host and port.
    fn redacted(&self) -> String {
        match self {
            Self::Secret(secret) => secret.to_string(),
            Self::Plain(url) => {
                let bare = url.path() == "/" && url.query().is_none() && url.username().is_empty();
                let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
                let rest = if bare { "" } else { "/<redacted>" };
                format!("{}://{}{port}{rest}", url.scheme(), url.host_str().unwrap_or_default())
            }
        }
    }
}

fn parse(text: &str) -> Result<Url, &'static str> {
    let url: Url = text.parse().map_err(|_| "not a URL")?;
    match url.scheme() {
        "ws" | "wss" | "http" | "https" if url.has_host() => Ok(url),
        _ => Err("a node's address starts with ws://, wss://, http:// or https://"),
    }
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if let Ok(secret) = text.parse() {
            return Ok(Self::Secret(secret));
        }
        parse(&text).map(Self::Plain).map_err(de::Error::custom)
    }
}

impl Serialize for Endpoint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.redacted())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        Endpoint::Plain(parse(text).unwrap()).redacted()
    }

    #[test]
    fn keys_in_paths_queries_and_user_names_are_not_shown() {
        for text in ["wss://n.example/v3/k3y", "https://n.example?key=k3y", "wss://k3y:k3y@n.example:8546"] {
            assert!(!shown(text).contains("k3y"), "{}", shown(text));
        }
        assert_eq!(shown("ws://127.0.0.1:8545"), "ws://127.0.0.1:8545");
    }

    #[test]
    fn other_schemes_are_refused() {
        for text in ["ftp://a", "file:///etc/passwd", "127.0.0.1:8545", "", "unix:/x"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
