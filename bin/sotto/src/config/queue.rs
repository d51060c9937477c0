//! The sections `[prover.public-queue]` and `[prover.private-queue]`: brokers with proving workers behind them.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};
use sotto_prover::remote::{Auth, Broker, Patience, Tls, valid_name};

use super::{ConfigError, SecretRef};

/// A broker, and how long its workers are relied on.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Queue {
    /// The broker's addresses; any of them will do.
    pub(crate) servers: Vec<String>,
    /// Name of this process on the broker, as its permissions have it; the user if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// The user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
    /// The user's password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) password: Option<SecretRef>,
    /// A `.creds` file's text, instead of user and password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) credentials: Option<SecretRef>,
    /// Encryption; needed for a broker on another machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tls: Option<QueueTls>,
    /// A job that no worker has proved after this long is proved here.
    #[serde(default = "Queue::answer_within", with = "humantime_serde")]
    pub(crate) answer_within: Duration,
    /// Time before a deadline that is kept for proving here.
    #[serde(default = "Queue::reserve", with = "humantime_serde")]
    pub(crate) reserve: Duration,
    /// Attempts with workers.
    #[serde(default = "Queue::attempts")]
    pub(crate) attempts: u32,
}

/// Certificates of a connection (PEM).
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct QueueTls {
    /// Authority to trust instead of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) authority: Option<PathBuf>,
    /// Certificate to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) certificate: Option<PathBuf>,
    /// Its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<PathBuf>,
}

impl QueueTls {
    fn identity(&self, key: &str) -> Result<Option<(PathBuf, PathBuf)>, ConfigError> {
        match (&self.certificate, &self.key) {
            (Some(certificate), Some(private)) => Ok(Some((certificate.clone(), private.clone()))),
            (None, None) => Ok(None),
            _ => Err(ConfigError::invalid(key, "a certificate needs its key, and a key its certificate")),
        }
    }
}

impl Queue {
    fn answer_within() -> Duration {
        Patience::default().answer_within
    }

    fn reserve() -> Duration {
        Patience::default().reserve
    }

    fn attempts() -> u32 {
        Patience::default().attempts
    }

    /// A broker at these addresses, everything else as it is by default.
    pub(crate) fn of(servers: Vec<String>) -> Self {
        Self {
            servers,
            name: None,
            user: None,
            password: None,
            credentials: None,
            tls: None,
            answer_within: Self::answer_within(),
            reserve: Self::reserve(),
            attempts: Self::attempts(),
        }
    }

    /// How long workers are relied on.
    pub(crate) fn patience(&self) -> Patience {
        Patience {
            answer_within: self.answer_within,
            reserve: self.reserve,
            attempts: self.attempts,
            ..Patience::default()
        }
    }

    /// Secrets with the parts of `key` that hold them.
    pub(super) fn secrets<'a>(&'a self, key: &str) -> Vec<(String, &'a SecretRef)> {
        let named =
            |part: &str, secret: &'a Option<SecretRef>| Some((format!("{key}.{part}"), secret.as_ref()?));
        [named("password", &self.password), named("credentials", &self.credentials)]
            .into_iter()
            .flatten()
            .collect()
    }

    pub(crate) fn check(&self, key: &str) -> Result<(), ConfigError> {
        let refuse =
            |part: &str, reason: &str| Err(ConfigError::invalid(format!("{key}.{part}"), reason.to_owned()));
        if self.servers.is_empty() {
            return refuse("servers", "at least one address is needed");
        }
        if self.attempts == 0 {
            return refuse("attempts", "must be at least 1");
        }
        if self.answer_within.is_zero() {
            return refuse("answer-within", "must not be zero");
        }
        if self.user.is_some() != self.password.is_some() {
            return refuse("password", "a user needs a password, and a password its user");
        }
        if self.user.is_some() && self.credentials.is_some() {
            return refuse("credentials", "either a user or credentials");
        }
        if let Some(tls) = &self.tls {
            tls.identity(&format!("{key}.tls"))?;
        }
        valid_name(&self.client_name()).or_else(|error| refuse("name", &error.to_string()))
    }

    fn client_name(&self) -> String {
        self.name.clone().or_else(|| self.user.clone()).unwrap_or_else(|| "sotto".into())
    }

    /// The broker, its secrets read. `key` names the section in errors.
    pub(crate) fn broker(&self, key: &str) -> Result<Broker, ConfigError> {
        let auth = match (&self.user, &self.password, &self.credentials) {
            (Some(user), Some(password), _) => Auth::Password {
                user: user.clone(),
                password: password.read(&format!("{key}.password"))?.to_string(),
            },
            (_, _, Some(credentials)) => {
                Auth::Credentials(credentials.read(&format!("{key}.credentials"))?.to_string())
            }
            _ => Auth::None,
        };
        let tls = match &self.tls {
            Some(tls) => {
                let identity = tls.identity(&format!("{key}.tls"))?;
                Some(Tls { authority: tls.authority.clone(), identity })
            }
            None => None,
        };
        Ok(Broker { servers: self.servers.clone(), auth, tls, name: self.client_name() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Queue, String> {
        let queue: Queue = toml::from_str(text).map_err(|e| e.to_string())?;
        queue.check("prover.public-queue").map_err(|e| e.to_string())?;
        Ok(queue)
    }

    #[test]
    fn an_address_is_enough_and_the_rest_has_defaults() {
        let queue = parse("servers = [\"nats://127.0.0.1:4222\"]").unwrap();
        let broker = queue.broker("prover.public-queue").unwrap();
        assert_eq!((broker.name.as_str(), broker.tls.is_none()), ("sotto", true));
        assert_eq!(queue.patience().attempts, Patience::default().attempts);
    }

    // covers: P17
    #[test]
    fn halves_of_credentials_and_unknown_keys_are_refused_with_their_path() {
        let base = "servers = [\"nats://127.0.0.1:4222\"]\n";
        for (more, words) in [
            ("user = \"a\"", "prover.public-queue.password: "),
            (
                "user = \"a\"\npassword = \"env:P\"\ncredentials = \"env:C\"",
                "prover.public-queue.credentials: ",
            ),
            ("tls = { certificate = \"c.pem\" }", "prover.public-queue.tls: "),
            ("name = \"a.b\"", "prover.public-queue.name: "),
            ("attempts = 0", "prover.public-queue.attempts: "),
            ("answer-within = \"0s\"", "prover.public-queue.answer-within: "),
        ] {
            let error = parse(&format!("{base}{more}")).unwrap_err();
            assert!(error.starts_with(words), "{error}");
        }
        assert!(parse("servers = []").is_err());
        assert!(parse(&format!("{base}server = 1")).is_err());
        let plain = parse(&format!("{base}user = \"a\"\npassword = \"hunter2\"")).unwrap_err();
        assert!(!plain.contains("a secret is hunter2"));
    }
}
