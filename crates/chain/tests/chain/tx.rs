//! Transactions on the ordinary paths, and the reasons for which none is sent.

use std::{sync::Arc, time::Duration};

use alloy::{
    primitives::{Address, B256, Bytes, TxHash, U256},
    providers::{DynProvider, Provider, ext::AnvilApi},
    signers::local::PrivateKeySigner,
};
use sotto_chain::{
    Anvil, ChainError, KeyLock, ProviderPool, Result, TxConfig, TxManager, TxReceipt, TxRecord, TxRequest,
    TxState,
};
use sotto_store::{Create, Ledger};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::{EMITTER, TRAP, chain, eventually, mine, word};

/// A transaction manager with a real ledger, which can be stopped and started again.
pub(crate) struct Bench {
    pub(crate) anvil: Anvil,
    pub(crate) pool: ProviderPool,
    pub(crate) signer: PrivateKeySigner,
    pub(crate) ledger: Option<Ledger>,
    pub(crate) dir: TempDir,
    pub(crate) config: TxConfig,
}

/// A running manager.
pub(crate) struct Running {
    pub(crate) manager: TxManager,
    pub(crate) task: JoinHandle<Result<()>>,
    pub(crate) shutdown: CancellationToken,
}

impl Bench {
    pub(crate) async fn new(args: &[&str]) -> Self {
        let (anvil, pool) = chain(args).await;
        let dir = tempfile::tempdir().unwrap();
        let ledger = Some(Ledger::open(dir.path(), Create::IfMissing).unwrap());
        let config = TxConfig { poll: Duration::from_millis(30), ..TxConfig::default() };
        Self { anvil, pool, signer: Anvil::signer(1).unwrap(), ledger, dir, config }
    }

    pub(crate) async fn start(&self) -> Running {
        self.start_on(self.pool.clone()).await
    }

    pub(crate) async fn start_on(&self, pool: ProviderPool) -> Running {
        let lock = KeyLock::acquire(self.dir.path(), self.signer.address()).unwrap();
        let journal = Arc::new(self.ledger().clone());
        let shutdown = CancellationToken::new();
        let (config, signer) = (self.config.clone(), self.signer.clone());
        let spawned = TxManager::spawn(pool, signer, lock, journal, config, shutdown.clone()).await;
        let (manager, task) = spawned.unwrap();
        Running { manager, task, shutdown }
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        self.ledger.as_ref().unwrap()
    }

    pub(crate) fn provider(&self) -> DynProvider {
        self.pool.provider()
    }

    pub(crate) fn record(&self, key: &str) -> Option<TxRecord> {
        let signer = self.signer.address();
        self.ledger().read(|unit| unit.tx_by_key(signer, key)).unwrap()
    }

    pub(crate) async fn mine(&self, blocks: u64) {
        mine(&self.provider(), blocks).await;
    }

    /// Waits until the key's transaction has this many attempts and the node has the newest.
    pub(crate) async fn sent(&self, key: &str, attempts: usize) -> TxHash {
        let mut hash = B256::ZERO;
        eventually("sent", async || {
            let Some(record) = self.record(key) else { return false };
            let Some(newest) = record.attempts.last() else { return false };
            hash = newest.hash;
            let pooled = self.provider().get_transaction_by_hash(hash).await.unwrap().is_some();
            record.attempts.len() >= attempts && pooled
        })
        .await;
        hash
    }

    pub(crate) async fn nonce(&self) -> u64 {
        self.provider().get_transaction_count(self.signer.address()).await.unwrap()
    }
}

impl Running {
    pub(crate) fn send(&self, request: TxRequest) -> JoinHandle<Result<TxReceipt>> {
        let manager = self.manager.clone();
        tokio::spawn(async move { manager.send(request).await })
    }

    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap().unwrap();
    }
}

pub(crate) fn request(key: &str) -> TxRequest {
    TxRequest {
        to: EMITTER,
        data: word(7).0.into(),
        value: U256::ZERO,
        gas_limit: None,
        deadline: 1_000_000,
        purpose: "test".into(),
        key: key.into(),
        round: Some(B256::repeat_byte(1)),
    }
}

#[tokio::test]
async fn concurrent_requests_get_consecutive_nonces_and_are_all_mined() {
    let bench = Bench::new(&[]).await;
    let running = bench.start().await;
    let sends: Vec<_> = (0..5).map(|i| running.send(request(&format!("send-{i}")))).collect();
    let mut nonces = Vec::new();
    for send in sends {
        let receipt = send.await.unwrap().unwrap();
        assert_eq!(receipt.attempts, 1);
        nonces.push(receipt.nonce);
    }
    nonces.sort_unstable();
    assert_eq!(nonces, [0, 1, 2, 3, 4]);
    let record = bench.record("send-0").unwrap();
    assert_eq!((record.state, record.attempts.len()), (TxState::Mined, 1));
    assert_eq!(bench.pool.metrics().tx_mined.get(), 5);
    running.stop().await;
}

// covers: S12
#[tokio::test]
async fn one_key_is_one_transaction_over_repeats_and_restarts() {
    let bench = Bench::new(&[]).await;
    let running = bench.start().await;
    let (a, b) = (running.send(request("commit")), running.send(request("commit")));
    let (a, b) = (a.await.unwrap().unwrap(), b.await.unwrap().unwrap());
    assert_eq!(a.hash(), b.hash());
    running.stop().await;
    let running = bench.start().await;
    assert_eq!(running.manager.send(request("commit")).await.unwrap().hash(), a.hash());
    assert_eq!(bench.nonce().await, 1);
}

#[tokio::test]
async fn a_call_that_reverts_is_not_sent_and_says_why() {
    let bench = Bench::new(&[]).await;
    let provider = bench.provider();
    // Reverts with the data 0x2a.
    let code = alloy::primitives::hex!("602a60005360016000fd");
    provider.anvil_set_code(TRAP, code.into()).await.unwrap();
    let running = bench.start().await;
    let error = running.manager.send(TxRequest { to: TRAP, ..request("trap") }).await.unwrap_err();
    let ChainError::Reverts { revert } = error else { panic!("{error}") };
    assert_eq!(revert.data, Bytes::from(vec![0x2a]));
    assert_eq!(bench.nonce().await, 0);
    assert!(bench.record("trap").is_none());
    running.manager.send(request("next")).await.unwrap();
}

// covers: T13 T16 T5
#[tokio::test]
async fn what_cannot_be_paid_or_included_is_refused_before_it_is_signed() {
    let mut bench = Bench::new(&[]).await;
    bench.config.fee_cap = 3_000_000_000;
    let running = bench.start().await;
    let provider = bench.provider();

    let heavy = TxRequest { gas_limit: Some(20_000_000), ..request("heavy") };
    let error = running.manager.send(heavy).await.unwrap_err();
    assert!(matches!(error, ChainError::GasTooHigh { estimate: 20_000_000, limit: 16_700_000 }));

    let late = TxRequest { deadline: 0, ..request("late") };
    assert!(matches!(running.manager.send(late).await.unwrap_err(), ChainError::TooLate { .. }));

    provider.anvil_set_next_block_base_fee_per_gas(9_000_000_000).await.unwrap();
    bench.mine(1).await;
    let error = running.manager.send(request("dear")).await.unwrap_err();
    assert!(matches!(error, ChainError::FeeAboveCap { cap: 3_000_000_000, .. }), "{error}");
    provider.anvil_set_next_block_base_fee_per_gas(1_000_000).await.unwrap();
    bench.mine(1).await;

    provider.anvil_set_balance(bench.signer.address(), U256::from(1_000)).await.unwrap();
    let plain = TxRequest { gas_limit: Some(60_000), ..request("poor") };
    let error = running.manager.send(plain).await.unwrap_err();
    assert!(matches!(error, ChainError::InsufficientNativeGas { have, .. } if have == U256::from(1_000)));
    assert_eq!(bench.nonce().await, 0);
    assert!(bench.ledger().read(|unit| unit.open_txs(bench.signer.address())).unwrap().is_empty());
}

#[tokio::test]
async fn more_than_the_limit_in_flight_is_refused() {
    let mut bench = Bench::new(&["--no-mining"]).await;
    bench.config.max_in_flight = 2;
    let running = bench.start().await;
    let flying = [running.send(request("a")), running.send(request("b"))];
    bench.sent("a", 1).await;
    bench.sent("b", 1).await;
    let error = running.manager.send(request("c")).await.unwrap_err();
    assert!(matches!(error, ChainError::Backlog { in_flight: 2, limit: 2 }), "{error}");
    bench.mine(1).await;
    for send in flying {
        send.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_transaction_that_reverts_in_its_block_is_reported_with_the_block() {
    let bench = Bench::new(&["--no-mining"]).await;
    let running = bench.start().await;
    let send = running.send(TxRequest { to: TRAP, ..request("trap") });
    let hash = bench.sent("trap", 1).await;
    bench.provider().anvil_set_storage_at(TRAP, U256::ZERO, word(1)).await.unwrap();
    bench.mine(1).await;
    let error = send.await.unwrap().unwrap_err();
    assert!(matches!(error, ChainError::Reverted { hash: h, block: 1 } if h == hash), "{error}");
    assert_eq!(bench.record("trap").unwrap().state, TxState::Reverted);
    let again = running.manager.send(TxRequest { to: TRAP, ..request("trap") }).await.unwrap_err();
    assert!(matches!(again, ChainError::Reverted { .. }));
}

// covers: P10 T12
#[tokio::test]
async fn a_manager_needs_the_lock_of_its_own_key() {
    let bench = Bench::new(&[]).await;
    let lock = KeyLock::acquire(bench.dir.path(), Address::repeat_byte(1)).unwrap();
    let journal = Arc::new(bench.ledger().clone());
    let spawned = TxManager::spawn(
        bench.pool.clone(),
        bench.signer.clone(),
        lock,
        journal,
        bench.config.clone(),
        CancellationToken::new(),
    );
    assert!(matches!(spawned.await, Err(ChainError::KeyInUse { .. })));
    let running = bench.start().await;
    let second = KeyLock::acquire(bench.dir.path(), bench.signer.address());
    assert!(matches!(second, Err(ChainError::KeyInUse { .. })));
    running.stop().await;
    KeyLock::acquire(bench.dir.path(), bench.signer.address()).unwrap();
}
