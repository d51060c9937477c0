//! Signer keys at rest: Web3 Secret Storage, version 3.
//!
//! Files come from outside, so their parameters are bounded before any of the work that they ask for is done.

use std::{
    fmt,
    fs::{self, File},
    io::{Read, Write},
    path::{Path, PathBuf},
};

use alloy::{
    primitives::{Address, B256, hex},
    signers::local::{LocalSignerError, PrivateKeySigner},
};
use rand::rngs::OsRng;
use serde::Deserialize;
use serde_json::Value;
use zeroize::{Zeroize, Zeroizing};

use crate::{ChainError, Password, Result};

/// Largest key file read, bytes.
const MAX_FILE: u64 = 64 << 10;
/// Most memory that a key derivation may ask for, bytes: four times what geth's strong setting uses.
const MAX_SCRYPT_MEMORY: u64 = 1 << 30;
/// Most work that a scrypt derivation may ask for, in units of `n * r * p`: four times geth's strong setting.
const MAX_SCRYPT_WORK: u64 = 1 << 23;
/// Most rounds that a PBKDF2 derivation may ask for: ten times geth's setting.
const MAX_PBKDF2_ROUNDS: u64 = 2_621_440;

/// The part of a key file that is checked before it is trusted.
#[derive(Deserialize)]
struct KeyFile {
    version: u8,
    address: Option<String>,
    crypto: Crypto,
}

#[derive(Deserialize)]
struct Crypto {
    cipher: String,
    ciphertext: String,
    cipherparams: CipherParams,
    kdf: String,
    kdfparams: KdfParams,
    mac: String,
}

#[derive(Deserialize)]
struct CipherParams {
    iv: String,
}

#[derive(Deserialize)]
struct KdfParams {
    dklen: u64,
    salt: String,
    n: Option<u64>,
    r: Option<u64>,
    p: Option<u64>,
    c: Option<u64>,
    prf: Option<String>,
}

/// A decrypted signer key with its file. `Debug` shows the address alone; the key is wiped from memory when it is dropped.
#[derive(Clone)]
pub struct SignerKey {
    signer: PrivateKeySigner,
    path: PathBuf,
}

impl fmt::Debug for SignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignerKey").field("address", &self.address()).finish_non_exhaustive()
    }
}

impl SignerKey {
    /// Makes a new key and writes its file, named after the address, into `dir`.
    ///
    /// # Errors
    /// Those of [`SignerKey::import`].
    pub fn create(dir: &Path, password: &Password) -> Result<Self> {
        Self::store(dir, password, PrivateKeySigner::random())
    }

    /// Writes the file of an existing key, 32 bytes as 64 hexadecimal digits with or without `0x`, into `dir`.
    ///
    /// # Errors
    /// [`ChainError::Keystore`] when `secret` is not a key, or when the file exists; [`ChainError::File`].
    pub fn import(dir: &Path, password: &Password, secret: &str) -> Result<Self> {
        let refused = |_| keystore("the secret is not 32 bytes of hexadecimal digits");
        let mut bytes = Zeroizing::new([0u8; 32]);
        hex::decode_to_slice(secret.trim(), bytes.as_mut_slice()).map_err(refused)?;
        let mut key = B256::from(*bytes);
        let signer = PrivateKeySigner::from_bytes(&key);
        key.0.zeroize();
        Self::store(dir, password, signer.map_err(|_| keystore("the secret is not a valid key"))?)
    }

    fn store(dir: &Path, password: &Password, signer: PrivateKeySigner) -> Result<Self> {
        let address = signer.address();
        make_private_dir(dir)?;
        let path = dir.join(format!("{address:#x}.json"));
        if path.exists() {
            return Err(keystore("there is a key file of this address"));
        }
        let work = dir.join(format!(".new-{address:#x}"));
        make_private_dir(&work)?;
        let written = write_file(&work, &path, &signer, password);
        let _ = fs::remove_dir_all(&work);
        written?;
        Ok(Self { signer, path })
    }

    /// Reads and decrypts a key file. Takes the time that the file's parameters ask for, within bounds: call it off the
    /// async threads.
    ///
    /// # Errors
    /// [`ChainError::Keystore`] for a malformed file or parameters out of bounds, [`ChainError::WrongPassword`],
    /// [`ChainError::AddressMismatch`] when the file names another address, [`ChainError::File`].
    pub fn open(path: &Path, password: &Password) -> Result<Self> {
        let stated = check_file(&read_bounded(path)?)?;
        let signer = match PrivateKeySigner::decrypt_keystore(path, password.expose()) {
            Ok(signer) => signer,
            Err(error) => return Err(decrypt_error(&error)),
        };
        let derived = signer.address();
        match stated {
            Some(stated) if stated != derived => Err(ChainError::AddressMismatch { stated, derived }),
            _ => Ok(Self { signer, path: path.to_owned() }),
        }
    }

    /// The address of the key.
    pub fn address(&self) -> Address {
        self.signer.address()
    }

    /// The key file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The signer, for [`crate::TxManager::spawn`].
    pub fn signer(&self) -> &PrivateKeySigner {
        &self.signer
    }
}

/// Writes the encrypted file with mode 0600 and the address in it, and moves it to its place whole.
fn write_file(work: &Path, path: &Path, signer: &PrivateKeySigner, password: &Password) -> Result<()> {
    let mut secret = Zeroizing::new(signer.to_bytes().0);
    let encrypted = PrivateKeySigner::encrypt_keystore(
        work,
        &mut OsRng,
        secret.as_slice(),
        password.expose(),
        Some("key"),
    );
    secret.zeroize();
    encrypted.map_err(|e| keystore(&e.to_string()))?;
    let plain = work.join("key");
    let text = fs::read_to_string(&plain).map_err(|e| ChainError::file(&plain, &e))?;
    let mut json: Value = serde_json::from_str(&text).map_err(|e| keystore(&e.to_string()))?;
    if let Some(object) = json.as_object_mut() {
        object.insert("address".into(), Value::String(hex::encode(signer.address())));
    }
    let done = work.join("done");
    let mut file = private_file(&done)?;
    let body = json.to_string();
    let write = file.write_all(body.as_bytes()).and_then(|()| file.sync_all());
    write.map_err(|e| ChainError::file(&done, &e))?;
    fs::rename(&done, path).map_err(|e| ChainError::file(path, &e))
}

/// Refuses what would make decryption panic or run for ever; returns the address that the file names.
fn check_file(text: &str) -> Result<Option<Address>> {
    let file: KeyFile = serde_json::from_str(text).map_err(|e| keystore(&e.to_string()))?;
    if file.version != 3 {
        return Err(keystore("its version is not 3"));
    }
    if file.crypto.cipher != "aes-128-ctr" {
        return Err(keystore("its cipher is not aes-128-ctr"));
    }
    let widths = [
        (&file.crypto.ciphertext, 32, 32, "ciphertext"),
        (&file.crypto.cipherparams.iv, 16, 16, "iv"),
        (&file.crypto.mac, 32, 32, "mac"),
        (&file.crypto.kdfparams.salt, 1, 256, "salt"),
    ];
    for (text, least, most, what) in widths {
        let length =
            hex::decode(text).map_err(|_| keystore(&format!("its {what} is not hexadecimal")))?.len();
        if !(least..=most).contains(&length) {
            return Err(keystore(&format!("its {what} has {length} bytes")));
        }
    }
    check_kdf(&file.crypto.kdf, &file.crypto.kdfparams)?;
    let address = file.address.map(|text| text.trim_start_matches("0x").to_owned());
    let parsed =
        address.map(|text| hex::decode(text).ok().and_then(|b| Address::try_from(b.as_slice()).ok()));
    match parsed {
        Some(None) => Err(keystore("its address is not an address")),
        Some(Some(address)) => Ok(Some(address)),
        None => Ok(None),
    }
}

fn check_kdf(kdf: &str, params: &KdfParams) -> Result<()> {
    if params.dklen != 32 {
        return Err(keystore("its derived key is not 32 bytes long"));
    }
    // A file with the parameters of both would be decrypted with whichever the key store looks for first.
    match (kdf, params.n, params.r, params.p, params.c) {
        ("scrypt", Some(n), Some(r), Some(p), None) if params.prf.is_none() => {
            if n < 2 || !n.is_power_of_two() || r == 0 || p == 0 {
                return Err(keystore("its scrypt parameters are invalid"));
            }
            let memory = n.checked_mul(r).and_then(|nr| nr.checked_mul(128));
            let work = n.checked_mul(r).and_then(|nr| nr.checked_mul(p));
            let fits =
                memory.is_some_and(|m| m <= MAX_SCRYPT_MEMORY) && work.is_some_and(|w| w <= MAX_SCRYPT_WORK);
            if fits { Ok(()) } else { Err(keystore("its scrypt parameters ask for too much work")) }
        }
        ("pbkdf2", None, None, None, Some(c)) => {
            if params.prf.as_deref() != Some("hmac-sha256") {
                return Err(keystore("its prf is not hmac-sha256"));
            }
            if c == 0 || c > MAX_PBKDF2_ROUNDS {
                return Err(keystore("its pbkdf2 rounds are out of bounds"));
            }
            Ok(())
        }
        _ => Err(keystore("its key derivation is neither scrypt nor pbkdf2 with their parameters")),
    }
}

fn read_bounded(path: &Path) -> Result<String> {
    let file = File::open(path).map_err(|e| ChainError::file(path, &e))?;
    let mut text = String::new();
    file.take(MAX_FILE + 1).read_to_string(&mut text).map_err(|e| ChainError::file(path, &e))?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > MAX_FILE {
        return Err(keystore("it is larger than any key file"));
    }
    Ok(text)
}

/// Only the MAC can fail after the checks above, so that means a wrong password.
fn decrypt_error(error: &LocalSignerError) -> ChainError {
    let text = error.to_string();
    if text.to_lowercase().contains("mac") { ChainError::WrongPassword } else { keystore(&text) }
}

fn make_private_dir(dir: &Path) -> Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(dir).map_err(|e| ChainError::file(dir, &e))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).map_err(|e| ChainError::file(dir, &e))?;
    }
    Ok(())
}

fn private_file(path: &Path) -> Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path).map_err(|e| ChainError::file(path, &e))
}

fn keystore(reason: &str) -> ChainError {
    ChainError::Keystore { reason: reason.to_owned() }
}
