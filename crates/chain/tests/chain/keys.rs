//! Key files, good and hostile.

use std::{fs, path::Path};

use serde_json::{Value, json};
use sotto_chain::{Anvil, ChainError, Password, SignerKey};

fn password() -> Password {
    Password::new("correct horse".into())
}

fn mutate(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut json: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    change(&mut json);
    fs::write(path, json.to_string()).unwrap();
}

// covers: K1 K4
#[test]
fn a_key_survives_its_file_and_is_never_shown() {
    let dir = tempfile::tempdir().unwrap();
    let key = SignerKey::create(dir.path(), &password()).unwrap();
    let opened = SignerKey::open(key.path(), &password()).unwrap();
    assert_eq!(opened.address(), key.address());
    let secret = alloy::primitives::hex::encode(key.signer().to_bytes());
    assert!(!format!("{opened:?}").contains(&secret));
    assert!(!fs::read_to_string(key.path()).unwrap().contains(&secret));
    let wrong = SignerKey::open(key.path(), &Password::new("battery staple".into()));
    assert!(matches!(wrong, Err(ChainError::WrongPassword)), "{wrong:?}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(key.path()).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn an_imported_key_is_the_same_key_and_is_not_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let known = Anvil::signer(0).unwrap();
    let secret = alloy::primitives::hex::encode(known.to_bytes());
    let key = SignerKey::import(dir.path(), &password(), &format!("0x{secret}\n")).unwrap();
    assert_eq!(SignerKey::open(key.path(), &password()).unwrap().address(), known.address());
    assert!(matches!(SignerKey::import(dir.path(), &password(), &secret), Err(ChainError::Keystore { .. })));
    for bad in ["", "0x12", "zz", &"0".repeat(64), &"f".repeat(64)] {
        let error = SignerKey::import(dir.path(), &password(), bad).unwrap_err();
        assert!(matches!(error, ChainError::Keystore { .. }), "{error}");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no working files are left");
}

// covers: K2
#[test]
fn a_file_that_names_another_address_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let key = SignerKey::create(dir.path(), &password()).unwrap();
    mutate(key.path(), |json| json["address"] = json!("00000000000000000000000000000000000000ff"));
    let error = SignerKey::open(key.path(), &password()).unwrap_err();
    assert!(matches!(error, ChainError::AddressMismatch { derived, .. } if derived == key.address()));
}

// covers: K1
#[test]
fn hostile_and_broken_files_are_refused() {
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 13] = [
        ("scrypt n of 2^30", |json| json["crypto"]["kdfparams"]["n"] = json!(1u64 << 30)),
        ("scrypt n not a power of two", |json| json["crypto"]["kdfparams"]["n"] = json!(8191)),
        ("scrypt r overflows", |json| json["crypto"]["kdfparams"]["r"] = json!(u64::MAX)),
        ("scrypt p of 2^30", |json| json["crypto"]["kdfparams"]["p"] = json!(1u64 << 30)),
        ("both derivations", |json| {
            json["crypto"]["kdfparams"]["c"] = json!(u32::MAX);
            json["crypto"]["kdfparams"]["prf"] = json!("hmac-sha256");
        }),
        ("pbkdf2 of four billion rounds", |json| {
            let salt = json["crypto"]["kdfparams"]["salt"].clone();
            json["crypto"]["kdf"] = json!("pbkdf2");
            json["crypto"]["kdfparams"] =
                json!({ "c": u32::MAX, "dklen": 32, "prf": "hmac-sha256", "salt": salt });
        }),
        ("short derived key", |json| json["crypto"]["kdfparams"]["dklen"] = json!(16)),
        ("short iv", |json| json["crypto"]["cipherparams"]["iv"] = json!("00")),
        ("long ciphertext", |json| json["crypto"]["ciphertext"] = json!("00".repeat(64))),
        ("another cipher", |json| json["crypto"]["cipher"] = json!("aes-256-gcm")),
        ("another version", |json| json["version"] = json!(4)),
        ("no mac", |json| drop(json["crypto"].as_object_mut().unwrap().remove("mac"))),
        ("odd address", |json| json["address"] = json!("zz")),
    ];
    let dir = tempfile::tempdir().unwrap();
    let key = SignerKey::create(dir.path(), &password()).unwrap();
    let good = fs::read(key.path()).unwrap();
    for (what, change) in changes {
        fs::write(key.path(), &good).unwrap();
        mutate(key.path(), change);
        let error = SignerKey::open(key.path(), &password()).unwrap_err();
        assert!(matches!(error, ChainError::Keystore { .. }), "{what}: {error}");
    }
    for garbage in [&good[..good.len() / 2], b"", b"null", b"\xff\xfe", &vec![b'['; 100_000]] {
        fs::write(key.path(), garbage).unwrap();
        assert!(SignerKey::open(key.path(), &password()).is_err());
    }
}
