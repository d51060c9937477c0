//! The journal of transactions.

use sotto_chain::{ChainError, ErrorClass, Mined, TxJournal, TxState};
use sotto_store::StoreError;

use crate::support::{attempt, hash, ledger, plan};

const SIGNER: alloy_primitives::Address = alloy_primitives::Address::repeat_byte(8);

#[test]
fn a_row_goes_forward_and_comes_back_whole() {
    let (_dir, ledger) = ledger();
    let id = ledger.plan(&plan(3, "a")).unwrap();
    assert!(ledger.broadcast(id).is_err(), "not signed yet");
    ledger.sign(id, &attempt(1)).unwrap();
    ledger.broadcast(id).unwrap();
    ledger.sign(id, &attempt(2)).unwrap();
    let open = ledger.open(SIGNER).unwrap();
    assert_eq!(open.len(), 1);
    assert_eq!((open[0].state, &open[0].plan), (TxState::Broadcast, &plan(3, "a")));
    assert_eq!(open[0].attempts, [attempt(1), attempt(2)]);
    let mined = Mined { hash: attempt(2).hash, block: 9, block_hash: hash(9), gas_used: 21_000 };
    ledger.mined(id, TxState::Mined, &mined).unwrap();
    assert!(ledger.open(SIGNER).unwrap().is_empty());
    let found = ledger.find(SIGNER, "a").unwrap().unwrap();
    assert_eq!((found.state, found.mined), (TxState::Mined, Some(mined)));
    assert_eq!(ledger.read(|unit| unit.txs_of_round(hash(1))).unwrap(), [found]);
    assert!(ledger.fail(id, "no").is_err(), "it is mined");
    ledger.unmined(id).unwrap();
    assert_eq!(ledger.open(SIGNER).unwrap()[0].mined, None);
}

// covers: T1 T7
#[test]
fn a_nonce_and_a_key_belong_to_one_transaction_until_it_fails() {
    let (_dir, ledger) = ledger();
    let id = ledger.plan(&plan(3, "a")).unwrap();
    for (nonce, key) in [(3, "b"), (4, "a")] {
        let error = ledger.plan(&plan(nonce, key)).unwrap_err();
        assert!(matches!(error, ChainError::Journal { class: ErrorClass::Permanent, .. }), "{error}");
    }
    ledger.fail(id, "the node rejected it").unwrap();
    assert_eq!(ledger.find(SIGNER, "a").unwrap(), None);
    ledger.plan(&plan(3, "a")).unwrap();
}

#[test]
fn open_rows_come_by_nonce() {
    let (_dir, ledger) = ledger();
    for nonce in [5, 3, 4] {
        ledger.plan(&plan(nonce, &nonce.to_string())).unwrap();
    }
    let nonces: Vec<u64> = ledger.open(SIGNER).unwrap().iter().map(|row| row.plan.nonce).collect();
    assert_eq!(nonces, [3, 4, 5]);
}

#[test]
fn numbers_that_do_not_fit_are_refused() {
    let (_dir, ledger) = ledger();
    let result = ledger.write(|unit| unit.plan_tx(&plan(u64::MAX, "a")));
    assert!(matches!(result, Err(StoreError::OutOfRange { what: "nonce" })));
}
