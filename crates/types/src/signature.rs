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

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{U256, b256, hex, uint};

    // Any digest serves: the tests ask about encodings.
    const DIGEST: B256 = b256!("0x5fd924625f6ab16a19cc9807c7c506ae1813490e4ba675f843d5a10e0baacdb8");
    const ORDER: U256 = uint!(0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141_U256);

    fn any_valid() -> ([u8; 65], Address) {
        // r of a known point, s = 1: some key made it, whoever holds it.
        let mut bytes = [0u8; 65];
        bytes[..32]
            .copy_from_slice(&hex!("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"));
        bytes[63] = 1;
        bytes[64] = 27;
        let signer = recover_signer(DIGEST, &bytes).unwrap();
        (bytes, signer)
    }

    // covers: S3 S4
    #[test]
    fn only_the_documented_forms_are_taken() {
        let (bytes, signer) = any_valid();
        assert_eq!(recover_signer(DIGEST, &bytes[..64]), Ok(signer), "EIP-2098 form with even parity");
        for v in [0, 1, 2, 26, 29, 35, 255] {
            let mut odd = bytes;
            odd[64] = v;
            assert_eq!(recover_signer(DIGEST, &odd), Err(SignatureError::RecoveryId(v)));
        }
        for n in [0, 1, 63, 66] {
            assert_eq!(recover_signer(DIGEST, &vec![1; n]), Err(SignatureError::Length(n)));
        }
        let mut high = bytes;
        high[32..64].copy_from_slice(&(ORDER - U256::from(1)).to_be_bytes::<32>());
        high[64] = 28;
        assert_eq!(recover_signer(DIGEST, &high), Err(SignatureError::HighS));
    }

    // covers: S5
    #[test]
    fn zero_signatures_recover_nobody() {
        let mut zero = [0u8; 65];
        zero[64] = 27;
        assert_eq!(recover_signer(DIGEST, &zero), Err(SignatureError::Unrecoverable));
        let (mut bytes, _) = any_valid();
        bytes[63] = 0;
        assert_eq!(recover_signer(DIGEST, &bytes), Err(SignatureError::Unrecoverable));
    }
}
