//! A round as its opener and its traders handle it.

use std::time::{Duration, Instant};

use alloy::{
    primitives::{B256, U256},
    providers::ext::AnvilApi,
    sol,
};
use sotto_auction::{
    AuctionId, RoundBook, RoundView,
    local::{LocalAuction, SignedIntent, Wish},
};
use sotto_chain::{BlockRef, LogEvent, LogId};
use sotto_contracts::{IAuctionHouse, IMarkets, IStrategyRegistry};
use sotto_types::{
    Direction, SLOTS, Slot, carry, intent_hash, results_proof, slot_commitment, slot_features,
};

use alloy::{providers::Provider, rpc::types::Filter};

sol! {
    #[sol(rpc)]
    interface IErc20 {
        function balanceOf(address owner) external view returns (uint256);
    }
}

/// An open round with one intent.
pub struct Round {
    pub id: B256,
    signed: SignedIntent,
    blinding: B256,
    slots: Vec<u8>,
}

fn slot_bytes(slots: &[Slot; SLOTS]) -> Vec<u8> {
    let bytes = slots.iter().flat_map(|slot| {
        let words = slot.features.iter().flat_map(|&x| carry(x).to_be_bytes());
        slot.commitment.0.into_iter().chain(words)
    });
    bytes.collect()
}

impl Round {
    /// Opens a round with one intent of the first trader, who sells a base token.
    pub async fn open(auction: &LocalAuction, nonce: u64) -> Self {
        auction.refresh_feeds().await.unwrap();
        let wish = Wish { direction: Direction::SellsBase, milli_base: 400, disclose: false };
        let now = auction.now().await.unwrap();
        let signed = auction.sign(wish, &auction.traders[0], nonce, now).unwrap();
        let blinding = alloy::primitives::keccak256(now.to_be_bytes());
        let mut slots = [Slot::default(); SLOTS];
        slots[0] = Slot {
            commitment: slot_commitment(intent_hash(&signed.intent), blinding),
            features: slot_features(&signed.intent, wish.direction),
        };
        let slots = slot_bytes(&slots);
        let provider = &auction.gateway.provider;
        let markets = IMarkets::new(auction.deployment.markets(), provider);
        let params = markets.params(auction.market.market).call().await.unwrap();
        let value = U256::from(params.openerBond) + U256::from(params.settleReward);
        let house = IAuctionHouse::new(auction.deployment.auction_house(), provider);
        let call = house.openRound(auction.market.market, slots.clone().into()).value(value);
        let receipt = call.send().await.unwrap().get_receipt().await.unwrap();
        assert!(receipt.status());
        let opened = receipt.decoded_log::<IAuctionHouse::RoundOpened>().unwrap();
        Self { id: opened.roundId, signed, blinding, slots }
    }

    /// The round as the chain has it now.
    pub async fn view(&self, auction: &LocalAuction) -> Option<RoundView> {
        let house = auction.deployment.auction_house();
        let id = AuctionId { chain_id: auction.deployment.chain_id, auction_house: house };
        let filter = Filter::new().address(house).from_block(0);
        let mut book = RoundBook::new(id, 1024);
        for log in auction.deployer.provider.get_logs(&filter).await.unwrap() {
            let block = BlockRef { number: log.block_number.unwrap(), hash: log.block_hash.unwrap() };
            let id = LogId {
                block_hash: block.hash,
                tx_hash: log.transaction_hash.unwrap(),
                log_index: log.log_index.unwrap(),
            };
            // Key-set events are the house's as well, and no round's.
            let _ = book.added(&LogEvent { id, block, timestamp: 0, log });
        }
        book.get(self.id).cloned()
    }

    /// Waits until the round is as wanted.
    pub async fn until(
        &self,
        auction: &LocalAuction,
        limit: Duration,
        what: &str,
        wanted: impl Fn(&RoundView) -> bool,
    ) -> RoundView {
        let end = Instant::now() + limit;
        loop {
            if let Some(view) = self.view(auction).await.filter(&wanted) {
                return view;
            }
            assert!(Instant::now() < end, "{what} did not happen within {limit:?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Fills the slot as the opener, and returns what the trader was paid.
    pub async fn fill(&self, auction: &LocalAuction) -> U256 {
        let view = self.view(auction).await.unwrap();
        let results = view.results.unwrap();
        let provider = &auction.gateway.provider;
        let token = IErc20::new(auction.market.quote, provider);
        let trader = auction.traders[0].address();
        let before = token.balanceOf(trader).call().await.unwrap();
        let request = IAuctionHouse::FillRequest {
            roundId: self.id,
            slot: 0,
            slots: self.slots.clone().into(),
            intent: {
                let i = &self.signed.intent;
                IAuctionHouse::Intent {
                    owner: i.owner,
                    recipient: i.recipient,
                    sellToken: i.sellToken,
                    buyToken: i.buyToken,
                    sellAmount: i.sellAmount,
                    minBuyAmount: i.minBuyAmount,
                    validFrom: i.validFrom,
                    deadline: i.deadline,
                    nonce: i.nonce,
                    market: i.market,
                    appData: i.appData,
                }
            },
            blinding: self.blinding,
            signature: self.signed.signature.clone(),
            result: IAuctionHouse::Result {
                best: results[0].best,
                second: results[0].second,
                winner: results[0].winner,
            },
            merkleProof: results_proof(&results, 0).try_into().unwrap(),
        };
        let house = IAuctionHouse::new(auction.deployment.auction_house(), provider);
        let receipt = house.fill(request).send().await.unwrap().get_receipt().await.unwrap();
        assert!(receipt.status());
        token.balanceOf(trader).call().await.unwrap() - before
    }
}

/// Mines until `block` is the newest.
pub async fn mine_to(auction: &LocalAuction, block: u64) {
    let provider = &auction.deployer.provider;
    let head = provider.get_block_number().await.unwrap();
    if block > head {
        provider.anvil_mine(Some(block - head), None).await.unwrap();
    }
}

/// What the registry says of a strategy's bond and record.
pub struct Account {
    pub bond: u128,
    pub locked: u128,
    pub committed: u32,
    pub uncovered: u32,
    pub defaults: u32,
}

/// The registry's account of a strategy.
pub async fn account(auction: &LocalAuction, strategy: B256) -> Account {
    let registry = IStrategyRegistry::new(auction.deployment.registry(), &auction.deployer.provider);
    let account = registry.account(strategy).call().await.unwrap();
    Account {
        bond: account.bond,
        locked: account.locked,
        committed: account.committed,
        uncovered: account.uncovered,
        defaults: account.defaults,
    }
}
