//! Which intents are taken, and with what reason the others are not.

use std::path::Path;

use alloy::{
    primitives::{Address, B256, Bytes, U256},
    providers::ext::AnvilApi,
    signers::SignerSync,
    sol,
    sol_types::SolCall,
};
use sotto_api::{ApiError, client::Client};
use sotto_auction::{
    gateway::cancel_digest,
    local::{Account, LocalAuction, SignedIntent, Wish},
};
use sotto_store::{Create, Ledger};
use sotto_types::{Direction, Intent, PERMIT2, intent_hash, permit_digest};

use crate::{LIMIT, auction, process::Setup, round::until};

sol! {
    interface Permit2 {
        function invalidateUnorderedNonces(uint256 wordPos, uint256 mask) external;
    }
}

struct Bench {
    auction: std::sync::Arc<LocalAuction>,
    client: Client,
}

impl Bench {
    fn trader(&self) -> &Account {
        &self.auction.traders[0]
    }

    async fn intent(&self, nonce: u64) -> SignedIntent {
        let wish = Wish { direction: Direction::SellsBase, milli_base: 100, disclose: false };
        self.auction.sign(wish, self.trader(), nonce, self.auction.now().await.unwrap()).unwrap()
    }

    fn sign(&self, intent: &Intent, signer: &Account) -> Bytes {
        let deployment = &self.auction.deployment;
        let digest = permit_digest(intent, deployment.chain_id, deployment.auction_house());
        signer.signer.sign_hash_sync(&digest).unwrap().as_bytes().to_vec().into()
    }

    /// Changes an intent, signs it anew, sends it: the name of the refusal, if it is one.
    async fn changed(&self, change: impl FnOnce(&mut Intent)) -> Option<String> {
        let mut intent = self.intent(1000).await.intent;
        change(&mut intent);
        let signature = self.sign(&intent, self.trader());
        code(self.client.send_intent(&intent, signature).await)
    }

    async fn call(&self, who: &Account, to: Address, data: Vec<u8>) {
        use alloy::{network::TransactionBuilder, providers::Provider, rpc::types::TransactionRequest};
        let request = TransactionRequest::default().with_to(to).with_input(data);
        let receipt = who.provider.send_transaction(request).await.unwrap().get_receipt().await.unwrap();
        assert!(receipt.status());
    }
}

fn code<T>(result: Result<T, ApiError>) -> Option<String> {
    result.err().map(|error| error.code().unwrap_or_else(|| panic!("{error}")).to_owned())
}

// covers: S1 S3 S4 S5 S6 S9 S10 S11 S12 S13 S14 S16 S17 P1
#[tokio::test(flavor = "multi_thread")]
async fn intents_are_taken_or_refused_with_a_reason_and_withdrawn_by_their_owner_only() {
    let datadir = tempfile::tempdir().unwrap();
    let auction = auction(&[], 2, [6, 20, 10]).await;
    let setup = Setup::new(&auction, datadir.path());
    // Nothing is opened here: a full round is larger than what is sent.
    let quiet = |config: &mut sotto_auction::gateway::GatewayConfig, _: &mut sotto_api::ApiConfig| {
        config.full_round = 32;
        config.round_interval = std::time::Duration::from_secs(86_400);
        config.book.per_owner = 8;
    };
    let running = setup.run(quiet).await;
    let bench = Bench { client: setup.client(LIMIT).await, auction: std::sync::Arc::clone(&auction) };
    until("the first head", async || running.gateway.status().head.is_some()).await;
    let markets = bench.client.markets().await.unwrap();
    assert_eq!(markets[0].market.0, auction.market.market);

    refused_for_their_contents(&bench).await;
    refused_for_their_signature(&bench).await;
    refused_for_their_owner(&bench).await;
    let kept = taken_once_and_withdrawn(&bench).await;

    // What was accepted survives the process.
    running.cancel.cancel();
    running.task.await.unwrap().unwrap();
    running.bound.task.await.unwrap();
    drop((running.gateway, bench.client));
    unlocked(datadir.path()).await;
    let again = setup.run(quiet).await;
    let client = setup.client(LIMIT).await;
    assert_eq!(client.intent(kept).await.unwrap().state, "waiting");
    assert_eq!(again.gateway.status().waiting, 1);
    again.cancel.cancel();
}

/// Waits until the tasks that end beside the gateway have let go of the ledger.
async fn unlocked(datadir: &Path) {
    let free = async || Ledger::open(datadir, Create::Never).is_ok();
    until("the end of the first life's hold on the ledger", free).await;
}

async fn refused_for_their_contents(bench: &Bench) {
    let now = bench.auction.now().await.unwrap();
    let is = |got: Option<String>, expected: &str| assert_eq!(got.as_deref(), Some(expected));
    is(bench.changed(|i| i.sellAmount = U256::ZERO).await, "malformed-intent");
    is(bench.changed(|i| i.sellAmount = U256::MAX).await, "malformed-intent");
    is(bench.changed(|i| i.minBuyAmount = U256::ZERO).await, "malformed-intent");
    is(bench.changed(|i| i.recipient = Address::ZERO).await, "malformed-intent");
    let house = bench.auction.deployment.auction_house();
    is(bench.changed(|i| i.recipient = house).await, "malformed-intent");
    is(bench.changed(|i| i.buyToken = i.sellToken).await, "malformed-intent");
    is(bench.changed(|i| i.sellToken = PERMIT2).await, "not-the-pair");
    is(bench.changed(|i| i.deadline = now - 30).await, "expired");
    is(bench.changed(|i| i.deadline = u64::MAX).await, "far-deadline");
    is(bench.changed(|i| i.market = B256::ZERO).await, "unknown-market");
}

async fn refused_for_their_signature(bench: &Bench) {
    let SignedIntent { intent, signature } = bench.intent(1).await;
    let send = |signature: Vec<u8>| {
        let intent = intent.clone();
        async move { code(bench.client.send_intent(&intent, signature.into()).await) }
    };
    let altered = |at: usize, to: u8| {
        let mut bytes = signature.to_vec();
        bytes[at] = to;
        bytes
    };
    for odd in [vec![], vec![1; 63], vec![1; 66], altered(64, 0), altered(64, 29), vec![0; 65], vec![1; 5000]]
    {
        assert_eq!(send(odd).await.as_deref(), Some("bad-signature"));
    }
    let counterfactual = [signature.to_vec(), [0x64, 0x92].repeat(16)].concat();
    assert_eq!(send(counterfactual).await.as_deref(), Some("not-deployed"));
    let stranger = bench.sign(&intent, &bench.auction.traders[1]);
    assert_eq!(send(stranger.to_vec()).await.as_deref(), Some("wrong-signer"));
    let other_chain = permit_digest(&intent, 1, bench.auction.deployment.auction_house());
    let other_chain = bench.trader().signer.sign_hash_sync(&other_chain).unwrap();
    assert_eq!(send(other_chain.as_bytes().to_vec()).await.as_deref(), Some("wrong-signer"));
    let view = bench.client.intent(intent_hash(&intent)).await.unwrap();
    assert_eq!((view.state.as_str(), view.code.as_deref()), ("refused", Some("wrong-signer")));
}

/// Contract signers that answer in every bad way, and one that answers well.
async fn refused_for_their_owner(bench: &Bench) {
    let provider = &bench.auction.deployer.provider;
    let owner = Address::repeat_byte(0x77);
    let mut intent = bench.intent(2).await.intent;
    intent.owner = owner;
    let signature = bench.sign(&intent, bench.trader());
    // Runtime codes: revert; nothing; 4 bytes; magic with dirt behind it; endless loop; another magic.
    let magic = "631626ba7e60e01b";
    let codes = [
        "60006000fd".to_owned(),
        "00".to_owned(),
        format!("{magic}60005260046000f3"),
        format!("{magic}600117600052602060 00f3").replace(' ', ""),
        "5b600056".to_owned(),
        "63ffffffff60e01b60005260206000f3".to_owned(),
    ];
    for code_hex in codes {
        let runtime: Bytes = alloy::primitives::hex::decode(&code_hex).unwrap().into();
        provider.anvil_set_code(owner, runtime).await.unwrap();
        let got = code(bench.client.send_intent(&intent, signature.clone()).await);
        assert_eq!(got.as_deref(), Some("contract-refused"), "{code_hex}");
    }
    let good: Bytes = alloy::primitives::hex::decode(format!("{magic}60005260206000f3")).unwrap().into();
    provider.anvil_set_code(owner, good).await.unwrap();
    let got = code(bench.client.send_intent(&intent, signature.clone()).await);
    assert_eq!(got.as_deref(), Some("insufficient-balance"), "signed, but poor");

    let mut rich = bench.intent(3).await.intent;
    rich.sellAmount = U256::from(10).pow(U256::from(30));
    let signed = bench.sign(&rich, bench.trader());
    assert_eq!(code(bench.client.send_intent(&rich, signed).await).as_deref(), Some("insufficient-balance"));
    let spend =
        |word: U256, mask| Permit2::invalidateUnorderedNoncesCall { wordPos: word, mask }.abi_encode();
    let last_word = (U256::from(1) << 248) - U256::from(1);
    for (nonce, word, bit) in
        [(U256::from(255), U256::ZERO, 255), (U256::from(256), U256::from(1), 0), (U256::MAX, last_word, 255)]
    {
        bench.call(bench.trader(), PERMIT2, spend(word, U256::from(1) << bit)).await;
        assert_eq!(bench.changed(|i| i.nonce = nonce).await.as_deref(), Some("nonce-used"), "{nonce}");
    }
}

/// Returns the hash of an intent that stays.
async fn taken_once_and_withdrawn(bench: &Bench) -> B256 {
    let first = bench.intent(10).await;
    let sends = (0..8).map(|_| bench.client.send_intent(&first.intent, first.signature.clone()));
    let results = futures::future::join_all(sends).await;
    assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1, "one of eight equal intents");
    let hash = intent_hash(&first.intent);
    assert_eq!(bench.client.intent(hash).await.unwrap().state, "waiting");
    let mut same_nonce = first.intent.clone();
    same_nonce.minBuyAmount += U256::from(1);
    let signed = bench.sign(&same_nonce, bench.trader());
    assert_eq!(code(bench.client.send_intent(&same_nonce, signed).await).as_deref(), Some("nonce-taken"));

    let auction = sotto_auction::AuctionId {
        chain_id: bench.auction.deployment.chain_id,
        auction_house: bench.auction.deployment.auction_house(),
    };
    let cancel = |signer: &Account| -> Bytes {
        signer.signer.sign_hash_sync(&cancel_digest(&auction, hash)).unwrap().as_bytes().to_vec().into()
    };
    let refused = |result| code::<()>(result);
    assert_eq!(
        refused(bench.client.cancel_intent(B256::ZERO, None).await).as_deref(),
        Some("unknown-intent")
    );
    assert_eq!(refused(bench.client.cancel_intent(hash, None).await).as_deref(), Some("nonce-still-open"));
    let stranger = cancel(&bench.auction.traders[1]);
    let answer = bench.client.cancel_intent(hash, Some(stranger)).await;
    let told = format!("{answer:?}").to_lowercase();
    assert_eq!(refused(answer).as_deref(), Some("wrong-signer"));
    assert!(!told.contains(&format!("{:x}", bench.trader().address())), "hashes are public, owners are not");
    bench.client.cancel_intent(hash, Some(cancel(bench.trader()))).await.unwrap();
    assert_eq!(bench.client.intent(hash).await.unwrap().state, "cancelled");
    assert_eq!(refused(bench.client.cancel_intent(hash, None).await).as_deref(), Some("already-final"));
    let again = bench.client.send_intent(&first.intent, first.signature.clone()).await;
    assert_eq!(code(again).as_deref(), Some("already-known"));

    let second = bench.intent(11).await;
    let hash = bench.client.send_intent(&second.intent, second.signature).await.unwrap();
    let spend = Permit2::invalidateUnorderedNoncesCall { wordPos: U256::ZERO, mask: U256::from(1) << 11 };
    bench.call(bench.trader(), PERMIT2, spend.abi_encode()).await;
    bench.client.cancel_intent(hash, None).await.unwrap();

    let kept = bench.intent(12).await;
    for nonce in 13..20 {
        let more = bench.intent(nonce).await;
        bench.client.send_intent(&more.intent, more.signature).await.unwrap();
        let hash = intent_hash(&more.intent);
        let signed = bench.trader().signer.sign_hash_sync(&cancel_digest(&auction, hash)).unwrap();
        bench.client.cancel_intent(hash, Some(signed.as_bytes().to_vec().into())).await.unwrap();
    }
    bench.client.send_intent(&kept.intent, kept.signature).await.unwrap()
}
