//! Recovery of an intent's signer, strict about malleable and odd encodings.

use alloy_primitives::{Address, B256, Signature};
use thiserror::Error;

/// Why a signature is not taken.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureError {
    /// Neither 65 bytes (r, s, v) nor 64 bytes (EIP-2098).
    #[error("a signature has 65 bytes, or 64 in EIP-2098 form; got {0}")]
    Length(usize),
    /// `v` is neither 27 nor 28.
    #[error("v is {0}, expected 27 or 28")]
    RecoveryId(u8),
    /// `s` lies in the upper half of the order (EIP-2).
    #[error("s lies in the upper half of the order")]
    HighS,
    /// No key made this signature.
    #[error("no key made this signature")]
    Unrecoverable,
}

/// The address that signed a digest.
///
/// # Errors
/// For lengths other than 64 and 65, `v` other than 27 and 28, high `s`, and unrecoverable values (zero `r` or `s`).
pub fn recover_signer(digest: B256, signature: &[u8]) -> Result<Address, SignatureError> {
    let parsed = match signature.len() {
        64 => Signature::from_erc2098(signature),
        65 => {
            let v = signature[64];
            if !matches!(v, 27 | 28) {
                return Err(SignatureError::RecoveryId(v));
            }
            Signature::from_bytes_and_parity(&signature[..64], v == 28)
        }
        n => return Err(SignatureError::Length(n)),
    };
    if parsed.normalize_s().is_some() {
        return Err(SignatureError::HighS);
    }
    match parsed.recover_address_from_prehash(&digest) {
        Ok(address) if !address.is_zero() => Ok(address),
        _ => Err(SignatureError::Unrecoverable),
    }
}
