//! The file: lock, version, damage, and devices that refuse.

use std::fs;

use rusqlite::Connection;
use sotto_chain::ErrorClass;
use sotto_store::{Create, Ledger, SCHEMA_VERSION, StoreError};

use crate::support::{hash, intent, ledger, plan, round};

// covers: P10
#[test]
fn two_ledgers_cannot_share_a_data_directory() {
    let (dir, first) = ledger();
    let second = Ledger::open(dir.path(), Create::IfMissing);
    assert!(matches!(second, Err(StoreError::InUse { .. })));
    let clone = first.clone();
    drop(first);
    assert!(Ledger::open(dir.path(), Create::Never).is_err(), "a clone still holds it");
    drop(clone);
    Ledger::open(dir.path(), Create::Never).unwrap();
}

// covers: K6
#[test]
fn a_missing_ledger_is_not_created_unasked() {
    let dir = tempfile::tempdir().unwrap();
    let absent = Ledger::open(dir.path(), Create::Never);
    assert!(matches!(absent, Err(StoreError::Absent { .. })));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

// covers: P16
#[test]
fn a_newer_schema_and_a_strange_database_are_refused_untouched() {
    let (dir, ledger) = ledger();
    let path = ledger.path().to_owned();
    drop(ledger);
    let raw = Connection::open(&path).unwrap();
    raw.pragma_update(None, "user_version", SCHEMA_VERSION + 1).unwrap();
    drop(raw);
    let newer = Ledger::open(dir.path(), Create::Never);
    assert!(matches!(newer, Err(StoreError::NewerSchema { .. })), "{newer:?}");
    assert_eq!(newer.unwrap_err().class(), ErrorClass::Fatal);

    let dir = tempfile::tempdir().unwrap();
    let raw = Connection::open(dir.path().join("ledger.sqlite")).unwrap();
    raw.execute_batch("CREATE TABLE somebody_elses (x)").unwrap();
    drop(raw);
    let strange = Ledger::open(dir.path(), Create::IfMissing);
    assert!(matches!(strange, Err(StoreError::NotALedger { .. })), "{strange:?}");
}

// covers: P9
#[test]
fn damage_is_noticed_when_the_ledger_is_opened() {
    for damage in ["torn", "garbage", "truncated"] {
        let (dir, ledger) = ledger();
        ledger
            .write(|unit| {
                for n in 0..200 {
                    unit.insert_intent(&intent(n), &[1; 65], n)?;
                    unit.put_round(&round(n))?;
                }
                Ok(())
            })
            .unwrap();
        let path = ledger.path().to_owned();
        drop(ledger);
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        match damage {
            "torn" => bytes[middle..middle + 4096].fill(0xa5),
            "garbage" => bytes.fill(7),
            _ => bytes.truncate(middle),
        }
        fs::write(&path, bytes).unwrap();
        let opened = Ledger::open(dir.path(), Create::Never);
        assert!(matches!(opened, Err(StoreError::Corrupt { .. })), "{damage}: {opened:?}");
    }
}

// covers: P9
#[test]
fn a_changed_sheet_or_transaction_that_sqlite_does_not_notice_is_refused() {
    for change in [
        "UPDATE sheets SET commitment = randomblob(32)",
        "UPDATE sheets SET salt = randomblob(16)",
        "UPDATE txs SET nonce = nonce + 1",
        "UPDATE tx_attempts SET raw = randomblob(8)",
    ] {
        let (dir, ledger) = ledger();
        ledger
            .write(|unit| {
                unit.protect_sheet(hash(1), hash(2), &[5; 32], &[6; 16], hash(3))?;
                let id = unit.plan_tx(&plan(1, "a"))?;
                unit.sign_tx(id, &crate::support::attempt(1))
            })
            .unwrap();
        let path = ledger.path().to_owned();
        drop(ledger);
        Connection::open(&path).unwrap().execute(change, []).unwrap();
        let opened = Ledger::open(dir.path(), Create::Never);
        assert!(matches!(opened, Err(StoreError::Corrupt { .. })), "{change}: {opened:?}");
    }
}

// covers: P8
#[test]
fn a_data_directory_that_is_no_directory_is_a_typed_error() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "x").unwrap();
    let opened = Ledger::open(&file.join("data"), Create::IfMissing);
    assert!(matches!(opened, Err(StoreError::Io { .. })), "{opened:?}");
}

#[cfg(unix)]
#[test]
fn the_files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let outer = tempfile::tempdir().unwrap();
    let dir = outer.path().join("data");
    let ledger = Ledger::open(&dir, Create::IfMissing).unwrap();
    ledger.write(|unit| unit.put_round(&round(1))).unwrap();
    assert_eq!(fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
    for entry in fs::read_dir(&dir).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{entry:?}");
    }
}
