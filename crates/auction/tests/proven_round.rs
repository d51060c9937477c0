//! One round on a real chain without the daemons: an intent, a proven sheet, a settlement, a fill, and what is refused.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{path::Path, time::Duration};

use alloy::{
    eips::eip2718::Encodable2718 as _,
    network::{EthereumWallet, NetworkTransactionBuilder as _, TransactionBuilder as _},
    primitives::{B256, Bytes, U256},
    providers::Provider as _,
    rpc::types::{TransactionReceipt, TransactionRequest},
};
use sotto_auction::local::{LocalAuction, Searcher, SignedIntent, Wish};
use sotto_circuits::{Salt, round_digest, sheet_commitment};
use sotto_contracts::{
    IAuctionHouse::{self, FillRequest, Intent as WireIntent, Result as WireResult, SettleRequest},
    IMarkets, Packages,
    local::LocalMarketConfig,
    verifier::encode_proof,
};
use sotto_prover::{
    LeafJob, ProvenSheet, Prover, ProverConfig, SheetJob, WrapJob, WrappedProof, no_deadline,
};
use sotto_types::{
    Claim, Digest, Direction, MarketFeatures, NO_BID, PricingRule, PublicData, Quote, RoundHeader, SHEETS,
    SLOTS, SheetRef, Slot, amount_out, carry, intent_hash, results_proof, results_root, round_id,
    slot_commitment, slot_features, slots_hash, snapshot_hash, uncarry,
};
use tokio_util::sync::CancellationToken;

/// A round as the chain opened it.
struct Round {
    id: B256,
    features: MarketFeatures,
    slots: [Slot; SLOTS],
    reference: U256,
    commit_end: u64,
}

struct Stage {
    auction: LocalAuction,
    prover: Prover,
}

impl Stage {
    async fn set_up() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let packages = Packages::new(root.join("crates/contracts/solidity/node_modules"));
        let strategies = ["linear-spread", "mlp-16-32-16"].map(|name| root.join("strategies").join(name));
        let folders = [strategies[0].as_path(), strategies[1].as_path()];
        let config = LocalMarketConfig {
            windows: [6, 200, 60],
            pricing: PricingRule::FirstPrice,
            ..Default::default()
        };
        let auction = LocalAuction::set_up(&[], &folders, &packages, 1, config).await.unwrap();
        let prover = Prover::start(ProverConfig::default(), &prometheus::Registry::new()).unwrap();
        Self { auction, prover }
    }

    fn house(&self) -> IAuctionHouse::IAuctionHouseInstance<&alloy::providers::DynProvider> {
        IAuctionHouse::new(self.auction.deployment.auction_house(), &self.auction.gateway.provider)
    }

    async fn open(&self, slots: [Slot; SLOTS]) -> Round {
        let data = template(slots);
        let market = IMarkets::new(self.auction.deployment.markets(), &self.auction.gateway.provider);
        let params = market.params(self.auction.market.market).call().await.unwrap();
        let used = slots.iter().filter(|slot| !slot.is_empty()).count();
        let value = U256::from(params.openerBond) * U256::from(used) + U256::from(params.settleReward);
        let house = self.house();
        self.auction.refresh_feeds().await.unwrap();
        let call = house.openRound(self.auction.market.market, data[192..1728].to_vec().into()).value(value);
        let receipt = call.send().await.unwrap().get_receipt().await.unwrap();
        assert!(receipt.status());
        let event: IAuctionHouse::RoundOpened = event(&receipt);
        let features = std::array::from_fn(|i| {
            let word = &event.features[4 * i..4 * i + 4];
            uncarry(u64::from(u32::from_be_bytes(word.try_into().unwrap()))).unwrap()
        });
        let header = RoundHeader {
            chain_id: self.auction.deployment.chain_id,
            auction_house: self.auction.deployment.auction_house(),
            market: event.market,
            opener: event.opener,
            parent_block_hash: event.parentHash,
            counter: event.counter.to(),
            snapshot_hash: snapshot_hash(&features, event.referenceQ128),
            slots_hash: slots_hash(&slots),
        };
        assert_eq!(round_id(&header), event.roundId, "Rust and Solidity name the round alike");
        Round {
            id: event.roundId,
            features,
            slots,
            reference: event.referenceQ128,
            commit_end: event.commitEnd,
        }
    }

    async fn past(&self, block: u64) {
        while self.auction.deployer.provider.get_block_number().await.unwrap() <= block {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    fn job(&self, searcher: &Searcher, round: &Round, salt: &Salt, index: u32) -> SheetJob {
        SheetJob {
            leaf: LeafJob {
                program: std::sync::Arc::new(searcher.strategy.program().clone()),
                model_salt: searcher.salt.clone(),
                owner: searcher.account.address(),
                round_id: round.id,
                features: round.features,
                slots: round.slots,
            },
            sheet_salt: salt.clone(),
            commit_index: index,
            key_set_root: self.prover.keys().root(),
        }
    }

    async fn wrap(
        &self,
        sheet: &ProvenSheet,
        data: PublicData,
    ) -> Result<WrappedProof, sotto_prover::ProveError> {
        let job = WrapJob {
            sheet: sheet.clone(),
            data,
            chain_id: self.auction.deployment.chain_id,
            auction_house: self.auction.deployment.auction_house(),
        };
        self.prover.wrap(job, no_deadline(), CancellationToken::new()).await
    }
}

fn event<E: alloy::sol_types::SolEvent>(receipt: &TransactionReceipt) -> E {
    receipt.logs().iter().find_map(|log| E::decode_log(&log.inner).ok()).unwrap().data
}

/// Public data with these slots and nothing else, for its encoding.
fn template(slots: [Slot; SLOTS]) -> Vec<u8> {
    let zero = Digest::default();
    let data = PublicData {
        round_id: B256::ZERO,
        key_set_root: zero,
        features: [0; 32],
        slots,
        claims: [Claim::default(); SLOTS],
        sheets: [SheetRef::default(); SHEETS],
    };
    data.to_bytes()
}

fn quotes_of(searcher: &Searcher, round: &Round) -> [Quote; SLOTS] {
    let slots = round.slots.map(|slot| (!slot.is_empty()).then_some(slot.features));
    searcher.strategy.program().sheet(&round.features, &slots)
}

fn public_data(round: &Round, root: Digest, sheet: SheetRef, quotes: &[Quote; SLOTS]) -> PublicData {
    let claims = quotes.map(|quote| Claim {
        best: carry(quote),
        second: carry(NO_BID),
        winner: if quote == NO_BID { 0 } else { sheet.index },
    });
    let mut sheets = [SheetRef::default(); SHEETS];
    sheets[0] = sheet;
    PublicData {
        round_id: round.id,
        key_set_root: root,
        features: round.features,
        slots: round.slots,
        claims,
        sheets,
    }
}

fn settlement(data: &PublicData, index: u32, beta: Digest, proof: Vec<u8>, stored: Vec<u8>) -> SettleRequest {
    let bytes = data.to_bytes();
    SettleRequest {
        roundId: data.round_id,
        features: bytes[64..192].to_vec().into(),
        slots: bytes[192..1728].to_vec().into(),
        claims: bytes[1728..2112].to_vec().into(),
        commitIndices: vec![index],
        beta: beta.to_word(),
        proof: proof.into(),
        stored: stored.into(),
    }
}

/// Sends a call and tells gas used and the bytes of the signed transaction.
async fn send_measured(stage: &Stage, call: TransactionRequest) -> (TransactionReceipt, usize) {
    let gateway = &stage.auction.gateway;
    let nonce = gateway.provider.get_transaction_count(gateway.address()).await.unwrap();
    let request = call
        .with_from(gateway.address())
        .with_nonce(nonce)
        .with_chain_id(stage.auction.deployment.chain_id)
        .with_gas_limit(16_700_000)
        .with_max_fee_per_gas(20_000_000_000)
        .with_max_priority_fee_per_gas(1_000_000_000);
    let signed = request.build(&EthereumWallet::from(gateway.signer.clone())).await.unwrap().encoded_2718();
    let size = signed.len();
    let receipt = gateway.provider.send_raw_transaction(&signed).await.unwrap().get_receipt().await.unwrap();
    (receipt, size)
}

fn wire_intent(signed: &SignedIntent) -> WireIntent {
    let i = signed.intent.clone();
    WireIntent {
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
}

fn fill_request(
    round: &Round,
    signed: &SignedIntent,
    blinding: B256,
    claims: &[Claim; SLOTS],
) -> FillRequest {
    let siblings: [B256; 5] = results_proof(claims, 0).try_into().unwrap();
    FillRequest {
        roundId: round.id,
        slot: 0,
        slots: template(round.slots)[192..1728].to_vec().into(),
        intent: wire_intent(signed),
        blinding,
        signature: signed.signature.clone(),
        result: WireResult { best: claims[0].best, second: claims[0].second, winner: claims[0].winner },
        merkleProof: siblings,
    }
}

// covers: Z13 Z14 Z5
#[tokio::test(flavor = "multi_thread")]
async fn an_intent_is_filled_at_the_proven_quote_and_nothing_else_settles() {
    let stage = Stage::set_up().await;
    let auction = &stage.auction;
    auction.deployment.check(&auction.deployer.provider).await.unwrap();
    let trader = &auction.traders[0];
    let wish = Wish { direction: Direction::SellsBase, milli_base: 2_000, disclose: true };
    let signed = auction.sign(wish, trader, 7, auction.now().await.unwrap()).unwrap();
    let blinding = B256::repeat_byte(0x5a);
    let mut slots = [Slot::default(); SLOTS];
    slots[0] = Slot {
        commitment: slot_commitment(intent_hash(&signed.intent), blinding),
        features: slot_features(&signed.intent, Direction::SellsBase),
    };

    // The second searcher commits; the first never does.
    let round = stage.open(slots).await;
    let searcher = &auction.searchers[1];
    let salt = Salt::from_bytes([9; 16]);
    let quotes = quotes_of(searcher, &round);
    assert_ne!(quotes[0], NO_BID);
    let digest = round_digest(round.id, &round.features, &round.slots);
    let commitment = sheet_commitment(searcher.id, digest, &quotes, &salt);
    let house = IAuctionHouse::new(auction.deployment.auction_house(), &searcher.account.provider);
    let call = house.commit(round.id, searcher.id.to_word(), commitment.to_word());
    assert!(call.send().await.unwrap().get_receipt().await.unwrap().status());
    let again = call.call().await.unwrap_err().to_string();
    assert!(call.call().await.is_err(), "a second sheet: {again}");

    let job = stage.job(searcher, &round, &salt, 0);
    let (sheet, seconds) =
        stage.prover.prove_sheet_timed(job, no_deadline(), CancellationToken::new()).await.unwrap();
    println!("leaf {:.2} s, sheet {:.2} s, {} bytes", seconds.leaf, seconds.sheet, sheet.bytes.len());
    let root = stage.prover.keys().root();
    let reference = SheetRef { index: 1, strategy: searcher.id, commitment };
    let data = public_data(&round, root, reference, &quotes);
    let started = std::time::Instant::now();
    let wrapped = stage.wrap(&sheet, data.clone()).await.unwrap();
    let proof = encode_proof(wrapped.proof.inner());
    println!("wrap {:.2} s with its circuit, {} bytes", started.elapsed().as_secs_f64(), proof.len());

    // What the proof does not show cannot even be wrapped.
    let better = quotes.map(|q| if q == NO_BID { q } else { q + 1 });
    assert!(stage.wrap(&sheet, public_data(&round, root, reference, &better)).await.is_err());
    let other = SheetRef { strategy: auction.searchers[0].id, ..reference };
    assert!(stage.wrap(&sheet, public_data(&round, root, other, &quotes)).await.is_err());

    stage.past(round.commit_end).await;
    let house = stage.house();
    let good = settlement(&data, 0, wrapped.beta, proof.clone(), Vec::new());
    refuse_altered_settlements(&stage, &good, &data).await;
    let (receipt, size) = send_measured(&stage, house.settle(good.clone()).into_transaction_request()).await;
    assert!(receipt.status());
    println!("settle: {} gas, transaction of {size} bytes", receipt.gas_used);
    assert!(size < 95_000, "the signed transaction has {size} bytes");
    let settled: IAuctionHouse::Settled = event(&receipt);
    assert_eq!(settled.resultsRoot, results_root(&data.claims));

    fill(&stage, &round, &signed, blinding, &data.claims, quotes[0]).await;
}

/// Every part of a settlement is bound: change one, and the contract refuses.
async fn refuse_altered_settlements(stage: &Stage, good: &SettleRequest, data: &PublicData) {
    let house = stage.house();
    assert!(house.settle(good.clone()).call().await.is_ok(), "the unaltered one is taken");
    let flip = |bytes: &Bytes, at: usize| {
        let mut altered = bytes.to_vec();
        altered[at] ^= 1;
        Bytes::from(altered)
    };
    let length = good.proof.len();
    let mut altered: Vec<(String, SettleRequest)> = vec![
        ("feature".into(), SettleRequest { features: flip(&good.features, 3), ..good.clone() }),
        ("slot".into(), SettleRequest { slots: flip(&good.slots, 40), ..good.clone() }),
        ("best quote".into(), SettleRequest { claims: flip(&good.claims, 3), ..good.clone() }),
        ("second quote".into(), SettleRequest { claims: flip(&good.claims, 7), ..good.clone() }),
        ("winner".into(), SettleRequest { claims: flip(&good.claims, 11), ..good.clone() }),
        ("bid on an empty slot".into(), SettleRequest { claims: flip(&good.claims, 12), ..good.clone() }),
        ("round".into(), SettleRequest { roundId: B256::repeat_byte(1), ..good.clone() }),
        ("beta".into(), SettleRequest { beta: B256::with_last_byte(1), ..good.clone() }),
        ("index".into(), SettleRequest { commitIndices: vec![1], ..good.clone() }),
        (
            "truncated proof".into(),
            SettleRequest { proof: good.proof[..length - 1].to_vec().into(), ..good.clone() },
        ),
        ("stored results".into(), SettleRequest { stored: good.claims.clone(), ..good.clone() }),
    ];
    for part in 0..12 {
        let at = part * length / 12 + 5;
        altered.push((
            format!("proof byte {at}"),
            SettleRequest { proof: flip(&good.proof, at), ..good.clone() },
        ));
    }
    for (what, request) in altered {
        assert!(house.settle(request).call().await.is_err(), "{what}");
    }
    // The same data under another chain or contract gives another challenge, so the public inputs differ.
    let beta = Digest::try_from(good.beta).unwrap();
    let house_address = stage.auction.deployment.auction_house();
    let chain = stage.auction.deployment.chain_id;
    assert_ne!(data.sigma(chain, house_address, beta), data.sigma(chain + 1, house_address, beta));
    assert_ne!(
        data.sigma(chain, house_address, beta),
        data.sigma(chain, B256::ZERO.0[..20].try_into().map(alloy::primitives::Address::new).unwrap(), beta)
    );
    let inputs = house.publicInputs(good.clone()).call().await.unwrap();
    let sigma = data.sigma(chain, house_address, beta);
    assert_eq!([inputs[4], inputs[5]], sigma.map(U256::from), "Rust and Solidity draw the same challenge");
}

async fn fill(
    stage: &Stage,
    round: &Round,
    signed: &SignedIntent,
    blinding: B256,
    claims: &[Claim; SLOTS],
    quote: Quote,
) {
    let auction = &stage.auction;
    let house = stage.house();
    let request = fill_request(round, signed, blinding, claims);
    let wrong = [
        ("blinding", FillRequest { blinding: B256::ZERO, ..request.clone() }),
        ("slot", FillRequest { slot: 1, ..request.clone() }),
        (
            "result",
            FillRequest {
                result: WireResult { best: claims[0].best - 1, ..request.result.clone() },
                ..request.clone()
            },
        ),
        ("signature", FillRequest { signature: vec![1; 65].into(), ..request.clone() }),
        (
            "recipient",
            FillRequest {
                intent: WireIntent { recipient: auction.gateway.address(), ..request.intent.clone() },
                ..request.clone()
            },
        ),
    ];
    let end = house.getRound(round.id).call().await.unwrap().settleEnd;
    // The settle window is long in blocks; the chain is taken to its end.
    use alloy::providers::ext::AnvilApi as _;
    let now = auction.deployer.provider.get_block_number().await.unwrap();
    auction.deployer.provider.anvil_mine(Some(end + 1 - now), Some(1)).await.unwrap();
    for (what, request) in wrong {
        assert!(house.fill(request).call().await.is_err(), "{what}");
    }
    let owner = signed.intent.owner;
    let balance = |token| auction.market.balance(&auction.deployer.provider, token, owner);
    let before = (balance(auction.market.base).await.unwrap(), balance(auction.market.quote).await.unwrap());
    let (receipt, _) = send_measured(stage, house.fill(request).into_transaction_request()).await;
    assert!(receipt.status());
    let filled: IAuctionHouse::Filled = event(&receipt);
    println!("fill: {} gas, quote {quote} pips", receipt.gas_used);
    let after = (balance(auction.market.base).await.unwrap(), balance(auction.market.quote).await.unwrap());
    let due = amount_out(Direction::SellsBase, signed.intent.sellAmount, round.reference, quote).unwrap();
    assert_eq!(before.0 - after.0, signed.intent.sellAmount);
    assert_eq!(after.1 - before.1, due, "Rust and Solidity pay alike");
    assert_eq!((filled.pips, filled.buyAmount), (quote, due));
    assert!(due >= signed.intent.minBuyAmount);
}
