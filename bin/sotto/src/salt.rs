//! The salt behind a strategy's commitment, derived from the strategy's secret, which is stored as an encrypted key.

use alloy::primitives::{B256, keccak256};
use sotto_chain::SignerKey;
use sotto_circuits::Salt;
use zeroize::{Zeroize as _, Zeroizing};

/// Separates this use of the secret from every other one.
const DOMAIN: &[u8] = b"sotto.model-salt.v1";

/// The salt of a model's commitment: the first 16 bytes of `keccak256(domain, secret, hash of the model file)`. A new
/// model gets a new salt from the same secret.
pub(crate) fn model_salt(secret: &SignerKey, model: B256) -> Salt {
    let mut bytes = secret.signer().to_bytes();
    let preimage = Zeroizing::new([DOMAIN, bytes.as_slice(), model.as_slice()].concat());
    bytes.0.zeroize();
    let mut hash = keccak256(preimage.as_slice());
    let mut salt = [0; 16];
    salt.copy_from_slice(&hash[..16]);
    hash.0.zeroize();
    let result = Salt::from_bytes(salt);
    salt.zeroize();
    result
}

#[cfg(test)]
mod tests {
    use sotto_chain::Password;

    use super::*;

    #[test]
    fn the_salt_depends_on_secret_and_model() {
        let directory = tempfile::tempdir().unwrap();
        let password = Password::new("p".to_owned());
        let secret = |digit: &str| SignerKey::import(directory.path(), &password, &digit.repeat(64)).unwrap();
        let (one, two) = (secret("1"), secret("2"));
        let (a, b) = (B256::repeat_byte(1), B256::repeat_byte(2));
        assert_eq!(model_salt(&one, a), model_salt(&one, a));
        assert_ne!(model_salt(&one, a), model_salt(&one, b));
        assert_ne!(model_salt(&one, a), model_salt(&two, a));
    }
}
