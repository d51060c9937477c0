//! A writer that is killed at any moment.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use sotto_chain::TxState;
use sotto_store::{Create, Ledger, RoundStatus};

use crate::support::{attempt, block, hash, ledger, log_id, plan, round};

const DIRECTORY: &str = "SOTTO_STORE_CRASH_DIRECTORY";

/// The child: writes units of work for as long as it lives, and says after each commit which it was.
#[test]
fn child_that_writes_until_it_is_killed() {
    let Some(directory) = env::var_os(DIRECTORY) else { return };
    let ledger = Ledger::open(Path::new(&directory), Create::IfMissing).unwrap();
    let from = ledger.read(|unit| unit.cursor()).unwrap().map_or(0, |cursor| cursor.number);
    for n in from + 1.. {
        ledger
            .write(|unit| {
                unit.put_round(&round(n))?;
                unit.protect_sheet(hash(n), hash(0), &[1; 32], &[2; 16], hash(n + 1))?;
                let id = unit.plan_tx(&plan(n, &n.to_string()))?;
                unit.sign_tx(id, &attempt(n))?;
                unit.apply_event(&log_id(n, 0), n, b"opened")?;
                unit.advance_cursor(block(n, 0))
            })
            .unwrap();
        println!("\ncommitted {n}");
    }
}

// covers: P1 P2
#[test]
fn after_kill_9_every_unit_is_there_whole_or_not_at_all() {
    let (dir, ledger) = ledger();
    drop(ledger);
    let mut highest = 0;
    for cycle in 0..8u64 {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "crash::child_that_writes_until_it_is_killed", "--nocapture"])
            .env(DIRECTORY, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut committed = highest;
        while committed < highest + 2 {
            let line = lines.next().expect("a child that writes").unwrap();
            committed = line.strip_prefix("committed ").map_or(committed, |n| n.parse().unwrap());
        }
        std::thread::sleep(Duration::from_millis(cycle * 3));
        child.kill().unwrap();
        child.wait().unwrap();
        highest = check(dir.path(), committed);
    }
}

/// Opens what the child left, and returns the newest unit.
fn check(directory: &Path, committed: u64) -> u64 {
    assert!(fs::metadata(directory.join("ledger.sqlite")).is_ok());
    let ledger = Ledger::open(directory, Create::Never).unwrap();
    ledger
        .read(|unit| {
            let newest = unit.cursor()?.unwrap().number;
            assert!(newest >= committed, "{committed} was reported, {newest} is there");
            assert_eq!(unit.rounds(RoundStatus::Open)?.len() as u64, newest);
            let open = unit.open_txs(plan(0, "").signer)?;
            assert_eq!(open.len() as u64, newest);
            assert!(open.iter().all(|row| row.state == TxState::Signed && row.attempts.len() == 1));
            assert!(unit.sheet(hash(newest), hash(0))?.is_some());
            assert!(unit.sheet(hash(newest + 1), hash(0))?.is_none());
            Ok(newest)
        })
        .unwrap()
}
