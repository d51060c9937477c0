//! The connection to the broker: addresses, credentials, TLS.

use std::{fmt, net::IpAddr, path::PathBuf, time::Duration};

use async_nats::{Client, ConnectOptions, ServerAddr, jetstream};

use super::RemoteError;

/// Longest wait for one answer of the broker.
pub(super) const REQUEST: Duration = Duration::from_secs(3);

/// Who the client is.
#[derive(Clone, Default)]
pub enum Auth {
    /// Nobody in particular; for a broker on this machine.
    #[default]
    None,
    /// A user with a password.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: String,
    },
    /// The text of a `.creds` file: a user's JWT and its key.
    Credentials(String),
}

impl fmt::Debug for Auth {
    /// Shows the user, no secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Password { user, .. } => {
                f.debug_struct("Password").field("user", user).finish_non_exhaustive()
            }
            Self::Credentials(_) => f.write_str("Credentials(..)"),
        }
    }
}

/// Encryption of the connection.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// Certificates (PEM) to trust instead of the system's.
    pub authority: Option<PathBuf>,
    /// Certificate and key (PEM) to show to the broker.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// A broker, and who we are to it.
#[derive(Clone, Debug)]
pub struct Broker {
    /// Addresses, `nats://host:port`; any of them will do.
    pub servers: Vec<String>,
    /// The user.
    pub auth: Auth,
    /// Encryption; it can be left out for a broker on this machine only.
    pub tls: Option<Tls>,
    /// Name of this client, as the broker's permissions and reports use it.
    pub name: String,
}

impl Broker {
    /// A broker on this machine that asks for no credentials.
    pub fn local(server: impl Into<String>, name: impl Into<String>) -> Self {
        Self { servers: vec![server.into()], auth: Auth::None, tls: None, name: name.into() }
    }

    /// Whether the settings can be used, as far as that shows without a connection.
    ///
    /// # Errors
    /// With the first that cannot.
    pub fn check(&self) -> Result<(), RemoteError> {
        self.addresses().map(drop)
    }

    /// Connects, and keeps connecting in the background when the broker is away.
    ///
    /// # Errors
    /// When the settings cannot be used. A broker that is down is no error.
    pub(super) async fn connect(&self) -> Result<(Client, jetstream::Context), RemoteError> {
        let addresses = self.addresses()?;
        let mut options = ConnectOptions::new()
            .name(&self.name)
            .custom_inbox_prefix(format!("_INBOX.{}", self.name))
            .request_timeout(Some(REQUEST))
            .ping_interval(Duration::from_secs(10))
            .retry_on_initial_connect()
            .reconnect_delay_callback(|attempt| {
                Duration::from_millis(50u64.saturating_mul(attempt.min(40) as u64))
            });
        options = match &self.auth {
            Auth::None => options,
            Auth::Password { user, password } => options.user_and_password(user.clone(), password.clone()),
            Auth::Credentials(text) => options
                .credentials(text)
                .map_err(|e| RemoteError::Config { what: "credentials", reason: e.to_string() })?,
        };
        if let Some(tls) = &self.tls {
            options = options.require_tls(true);
            if let Some(path) = &tls.authority {
                options = options.add_root_certificates(path.clone());
            }
            if let Some((certificate, key)) = &tls.identity {
                options = options.add_client_certificate(certificate.clone(), key.clone());
            }
        }
        let client = options
            .connect(addresses)
            .await
            .map_err(|e| RemoteError::Config { what: "connection", reason: e.to_string() })?;
        let context = jetstream::context::ContextBuilder::new()
            .timeout(REQUEST)
            .ack_timeout(REQUEST)
            .build(client.clone());
        Ok((client, context))
    }

    fn addresses(&self) -> Result<Vec<ServerAddr>, RemoteError> {
        super::worker::valid_name(&self.name)?;
        let config = |reason: String| RemoteError::Config { what: "servers", reason };
        if self.servers.is_empty() {
            return Err(config("no address".into()));
        }
        let mut addresses = Vec::with_capacity(self.servers.len());
        for server in &self.servers {
            // The text is not repeated: it may hold a password.
            let address: ServerAddr = server.parse().map_err(|_| config("not nats://host:port".into()))?;
            if address.has_user_pass() {
                return Err(config("credentials do not belong into an address".into()));
            }
            let secure = self.tls.is_some() || address.tls_required();
            if !secure && !is_local(address.host()) {
                return Err(RemoteError::Plaintext {
                    server: format!("{}:{}", address.host(), address.port()),
                });
            }
            addresses.push(address);
        }
        Ok(addresses)
    }
}

fn is_local(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(broker: &Broker) -> String {
        broker.addresses().unwrap_err().to_string()
    }

    // covers: P17
    #[test]
    fn another_machine_is_reached_over_tls_or_not_at_all() {
        let mut broker = Broker::local("nats://10.0.0.7:4222", "gateway");
        assert_eq!(refusal(&broker), "10.0.0.7:4222 is not on this machine, and TLS is not configured");
        broker.tls = Some(Tls::default());
        assert!(broker.addresses().is_ok());
        for local in
            ["nats://127.0.0.1:4222", "nats://localhost:4222", "nats://[::1]:4222", "tls://10.0.0.7:4222"]
        {
            assert!(Broker::local(local, "gateway").addresses().is_ok(), "{local}");
        }
    }

    #[test]
    fn secrets_are_neither_taken_from_addresses_nor_shown() {
        let broker = Broker::local("nats://user:hunter2@127.0.0.1:4222", "gateway");
        assert!(!refusal(&broker).contains("hunter2"));
        let auth = Auth::Password { user: "gateway".into(), password: "hunter2".into() };
        assert!(!format!("{auth:?}{:?}", Auth::Credentials("hunter2".into())).contains("hunter2"));
        assert!(refusal(&Broker::local("nats://127.0.0.1:4222", "a.b")).starts_with("name: "));
    }
}
