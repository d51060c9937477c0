//! Several solvers' sheets settle by one proof; one that is left out settles itself; and what the losers reveal.

use alloy::{
    consensus::Transaction as _,
    primitives::{B256, U256},
    providers::{Provider, ext::AnvilApi},
    rpc::types::Filter,
    sol_types::{SolCall, SolEvent},
};
use sotto_auction::local::LocalAuction;
use sotto_contracts::IAuctionHouse::{self, settleCall};
use sotto_types::{Claim, MARKET_FEATURES, NO_BID, Quote, SLOTS, SlotFeatures, carry, tournament, uncarry};
use tokio_util::sync::CancellationToken;

use crate::{
    LIMIT, auction, keep_feeds,
    process::{Setup, metric},
    round::{endpoint, events, get_ready, mine_past, run_solver_for, send, until},
};

/// Settlements: the event, the block and the transaction.
async fn settlements(auction: &LocalAuction) -> Vec<(IAuctionHouse::Settled, u64, B256)> {
    let filter = Filter::new()
        .address(auction.deployment.auction_house())
        .from_block(0)
        .event_signature(IAuctionHouse::Settled::SIGNATURE_HASH);
    let logs = auction.deployer.provider.get_logs(&filter).await.unwrap();
    let decoded = |log: &alloy::rpc::types::Log| IAuctionHouse::Settled::decode_log(&log.inner).unwrap().data;
    logs.iter().map(|log| (decoded(log), log.block_number.unwrap(), log.transaction_hash.unwrap())).collect()
}

fn words(bytes: &[u8]) -> Vec<u32> {
    bytes.chunks_exact(4).map(|b| u32::from_be_bytes(b.try_into().unwrap())).collect()
}

fn signed(word: u32) -> i32 {
    uncarry(u64::from(word)).unwrap()
}

/// Quotes of every searcher for the round, by the reference executor.
fn quotes(auction: &LocalAuction, round: &IAuctionHouse::RoundOpened) -> Vec<[Quote; SLOTS]> {
    let features: [i32; MARKET_FEATURES] = std::array::from_fn(|i| signed(words(&round.features)[i]));
    let slots: [Option<SlotFeatures>; SLOTS] = std::array::from_fn(|slot| {
        let bytes = &round.slots[48 * slot..48 * (slot + 1)];
        let features = words(&bytes[32..]);
        bytes[..32].iter().any(|&b| b != 0).then(|| std::array::from_fn(|i| signed(features[i])))
    });
    auction.searchers.iter().map(|searcher| searcher.strategy.program().sheet(&features, &slots)).collect()
}

fn claims(packed: &[u8]) -> [Claim; SLOTS] {
    let words = words(packed);
    std::array::from_fn(|slot| Claim {
        best: words[3 * slot],
        second: words[3 * slot + 1],
        winner: words[3 * slot + 2],
    })
}

// covers: Z13
#[tokio::test(flavor = "multi_thread")]
async fn sheets_settle_by_one_proof_and_a_solver_left_out_settles_itself() {
    let strategies = ["linear-spread", "mlp-16-32-16", "mlp-32-64-64", "linear-spread"];
    let auction = auction(&strategies, 2, [20, 600, 60]).await;
    let _keeper = keep_feeds(&auction);
    let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let mut setup = Setup::new(&auction, folders[0].path());
    setup.full_round = 2;
    let running = setup.run(|_, _| {}).await;
    let prover = running.prover.clone();
    let classes = auction.searchers.iter().map(|s| (s.strategy.program().shape().clone(), 2)).collect();
    prover.warm(classes, true).await.unwrap();
    prover.warm_tournament(2).await.unwrap();
    let cancel = CancellationToken::new();
    let gateway = format!("http://{}", setup.rpc);
    let [_, three, alone] = &folders;
    // What the three know as the opener's gateway does not answer, another does.
    let (opener, nowhere) = (Some(auction.gateway.address()), "http://127.0.0.1:9".to_owned());
    let gateways = vec![endpoint(gateway.clone(), None), endpoint(nowhere, opener)];
    run_solver_for(&auction, 0..3, prover.clone(), gateways, three.path(), cancel.clone()).await;
    // The last one knows a gateway for the rounds of somebody else alone.
    let others = vec![endpoint(gateway, Some(auction.traders[0].address()))];
    run_solver_for(&auction, 3..4, prover, others, alone.path(), cancel.clone()).await;

    let client = setup.client(LIMIT).await;
    until("readiness", async || get_ready(&setup).await).await;
    let intents = [send(&auction, &client, 0, 1, 400).await, send(&auction, &client, 1, 2, 300).await];
    until("the opening", async || !events::<IAuctionHouse::RoundOpened>(&auction).await.is_empty()).await;
    let round = events::<IAuctionHouse::RoundOpened>(&auction).await[0].clone();
    let commits = async || events::<IAuctionHouse::Committed>(&auction).await;
    until("four commitments", async || commits().await.len() == 4).await;
    mine_past(&auction, round.commitEnd + 1).await;
    let taken = async || metric(&running.registry, "sotto_gateway_sheets_accepted_total") == 3.0;
    until("three sheets", taken).await;
    assert!(settlements(&auction).await.is_empty(), "a fourth sheet may come until the last call");
    let half = (round.commitEnd + round.settleEnd) / 2;
    mine_past(&auction, half - 60).await;
    let called = async || metric(&running.registry, "sotto_gateway_last_calls_total") == 1.0;
    until("the last call", called).await;
    // Blocks wait for proofs on a machine that has other things to do.
    let node = &auction.deployer.provider;
    node.anvil_set_interval_mining(10).await.unwrap();
    until("the settlement", async || !settlements(&auction).await.is_empty()).await;
    let (merged, block, hash) = settlements(&auction).await[0].clone();
    assert!(block <= half, "in the first half of the window");
    assert_eq!(merged.commitIndices.len(), 3);
    node.anvil_set_interval_mining(1).await.unwrap();

    mine_past(&auction, half).await;
    until("the settlement of the fourth", async || settlements(&auction).await.len() == 2).await;
    let (own, block, _) = settlements(&auction).await[1].clone();
    assert!(block > half && own.commitIndices.len() == 1);

    // The results are those of the plain tournament over all four sheets.
    let quotes = quotes(&auction, &round);
    let commits = commits().await;
    let sheet = |commit: &IAuctionHouse::Committed| {
        let position = auction.searchers.iter().position(|s| s.id.to_word() == commit.strategyId).unwrap();
        (commit.index + 1, quotes[position])
    };
    let all: Vec<(u32, [Quote; SLOTS])> = commits.iter().map(sheet).collect();
    assert_eq!(claims(&own.results), tournament(&all));
    let three: Vec<_> =
        all.iter().copied().filter(|(index, _)| merged.commitIndices.contains(&(index - 1))).collect();
    assert_eq!(claims(&merged.results), tournament(&three));
    check_calldata(&auction, hash, &round, &three).await;

    mine_past(&auction, round.settleEnd).await;
    for intent in intents {
        until("the fill", async || client.intent(intent).await.is_ok_and(|i| i.state == "filled")).await;
    }
    cancel.cancel();
    running.cancel.cancel();
}

/// What the settlement's transaction says, and nothing more: the round's public parts, best, second and winner of each slot,
/// which commitments are covered, β and the proof. The quotes that came third or later are nowhere in it, nor is who was
/// second.
async fn check_calldata(
    auction: &LocalAuction,
    hash: B256,
    round: &IAuctionHouse::RoundOpened,
    sheets: &[(u32, [Quote; SLOTS])],
) {
    let provider = &auction.deployer.provider;
    let transaction = provider.get_transaction_by_hash(hash).await.unwrap().unwrap();
    assert_eq!(transaction.value(), U256::ZERO);
    let input = transaction.input();
    let call = settleCall::abi_decode(input).unwrap();
    assert_eq!(call.abi_encode(), input.to_vec(), "no byte beside the arguments");
    let request = call.request;
    assert_eq!(request.roundId, round.roundId);
    assert_eq!((&request.features, &request.slots), (&round.features, &round.slots));
    assert_eq!(claims(&request.claims), tournament(sheets));
    let indices: Vec<u32> = sheets.iter().map(|(index, _)| index - 1).collect();
    assert_eq!(request.commitIndices, indices);
    assert!(request.stored.is_empty());
    assert!(request.proof.len() < 95_000);

    let shown = claims(&request.claims);
    let mut hidden = 0;
    for (_, quotes) in sheets {
        for (slot, &quote) in quotes.iter().enumerate().filter(|(_, quote)| **quote != NO_BID) {
            let word = carry(quote);
            if shown[slot].best == word || shown[slot].second == word {
                continue;
            }
            hidden += 1;
            for bytes in [word.to_be_bytes(), word.to_le_bytes(), quote.to_be_bytes(), quote.to_le_bytes()] {
                assert!(!input.windows(4).any(|window| window == bytes), "slot {slot} shows a third quote");
            }
        }
    }
    assert!(hidden > 0, "no quote came third");
}
