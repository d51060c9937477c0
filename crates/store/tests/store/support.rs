//! Rows to store.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use sotto_chain::{BlockRef, LogId, TxAttempt, TxPlan};
use sotto_store::{Create, Ledger, Role, RoundRow, RoundStatus};
use sotto_types::Intent;
use tempfile::TempDir;

pub(crate) fn ledger() -> (TempDir, Ledger) {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), Create::IfMissing).unwrap();
    (dir, ledger)
}

pub(crate) fn hash(n: u64) -> B256 {
    keccak256(n.to_be_bytes())
}

pub(crate) fn block(number: u64, fork: u64) -> BlockRef {
    BlockRef { number, hash: keccak256([number.to_be_bytes(), fork.to_be_bytes()].concat()) }
}

pub(crate) fn log_id(number: u64, log_index: u64) -> LogId {
    LogId { block_hash: block(number, 0).hash, tx_hash: hash(number), log_index }
}

pub(crate) fn intent(nonce: u64) -> Intent {
    Intent {
        owner: Address::repeat_byte(1),
        recipient: Address::repeat_byte(2),
        sellToken: Address::repeat_byte(3),
        buyToken: Address::repeat_byte(4),
        sellAmount: U256::from(1_000_000u64),
        minBuyAmount: U256::from(900_000u64),
        validFrom: 1,
        deadline: 2_000_000_000,
        nonce: U256::from(nonce),
        market: B256::repeat_byte(5),
        appData: B256::ZERO,
    }
}

pub(crate) fn round(n: u64) -> RoundRow {
    RoundRow {
        id: hash(n),
        role: Role::Gateway,
        market: B256::repeat_byte(5),
        opener: Address::repeat_byte(6),
        opened_block: n,
        opened_hash: block(n, 0).hash,
        commit_end: n + 5,
        settle_end: n + 50,
        fill_end: n + 60,
        key_set_root: B256::repeat_byte(7),
        snapshot: vec![1; 160],
        slots: vec![u8::try_from(n % 256).unwrap(); 1536],
        status: RoundStatus::Open,
    }
}

pub(crate) fn plan(nonce: u64, key: &str) -> TxPlan {
    TxPlan {
        signer: Address::repeat_byte(8),
        nonce,
        to: Address::repeat_byte(9),
        value: U256::from(5u64),
        data: Bytes::from(vec![1, 2, 3]),
        gas_limit: 100_000,
        deadline: 500,
        purpose: "commit".into(),
        key: key.into(),
        round: Some(hash(1)),
    }
}

pub(crate) fn attempt(n: u64) -> TxAttempt {
    let raw = Bytes::from(n.to_be_bytes().to_vec());
    TxAttempt {
        hash: keccak256(&raw),
        raw,
        max_fee: u128::MAX - u128::from(n),
        priority_fee: 7,
        cancels: false,
    }
}
