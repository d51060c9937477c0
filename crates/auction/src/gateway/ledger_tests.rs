use super::*;
use crate::gateway::slots::{Assignment, Candidate};
use alloy::primitives::U256;
use prometheus::Registry;
use sotto_store::Create;
use sotto_types::{Direction, intent_hash};

fn intent(nonce: u64) -> Intent {
    Intent {
        owner: Address::repeat_byte(1),
        recipient: Address::repeat_byte(1),
        sellToken: Address::repeat_byte(2),
        buyToken: Address::repeat_byte(3),
        sellAmount: U256::from(1),
        minBuyAmount: U256::from(1),
        validFrom: 0,
        deadline: 9,
        nonce: U256::from(nonce),
        market: B256::repeat_byte(7),
        appData: B256::ZERO,
    }
}

fn books(directory: &std::path::Path) -> Books {
    let ledger = Ledger::open(directory, Create::IfMissing).unwrap();
    Books::new(ledger, GatewayMetrics::new(&Registry::new()).unwrap())
}

fn plan(intents: &[Intent]) -> Plan {
    let candidates: Vec<_> = intents
        .iter()
        .map(|i| Candidate { hash: intent_hash(i), direction: Direction::SellsBase, intent: i.clone() })
        .collect();
    let assignment = Assignment::new(&candidates);
    Plan {
        slots_hash: assignment.hash(),
        market: B256::repeat_byte(7),
        slots: sotto_types::slots_bytes(&assignment.slots).into(),
        value: U256::ZERO,
        placements: assignment.placements,
        open_until: 5,
        created_ms: 6,
    }
}

// covers: S12
#[tokio::test]
async fn of_two_equal_intents_one_is_taken() {
    let directory = tempfile::tempdir().unwrap();
    let books = books(directory.path());
    let one = books.accept(intent(0), vec![1].into(), 5);
    let two = books.accept(intent(0), vec![2].into(), 5);
    let (one, two) = tokio::join!(one, two);
    assert_ne!(one.unwrap(), two.unwrap());
}

// covers: P1 P2
#[tokio::test]
async fn a_restart_finds_intents_and_a_planned_round_with_its_openings() {
    let directory = tempfile::tempdir().unwrap();
    let intents = [intent(0), intent(1)];
    let written = plan(&intents[..1]);
    {
        let books = books(directory.path());
        for one in &intents {
            assert!(books.accept(one.clone(), vec![1].into(), 5).await.unwrap());
        }
        books.plan(&written).await.unwrap();
    }
    let found = books(directory.path()).found(Address::ZERO).await.unwrap();
    let status = |i: usize| found.intents.iter().find(|row| row.intent == intents[i]).unwrap().status;
    assert_eq!((status(0), status(1)), (IntentStatus::Assigned, IntentStatus::Open));
    assert_eq!(found.plans.len(), 1);
    let plan = &found.plans[0];
    assert_eq!((plan.slots_hash, &plan.slots, plan.open_until), (written.slots_hash, &written.slots, None));
    assert_eq!(plan.openings[0].blinding, written.placements[0].blinding);
    assert_eq!(plan.openings[0].intent_hash, intent_hash(&intents[0]));
}

#[tokio::test]
async fn a_plan_whose_intent_was_withdrawn_is_not_written_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let books = books(directory.path());
    for nonce in 0..2 {
        books.accept(intent(nonce), vec![1].into(), 5).await.unwrap();
    }
    let cancelled = Move {
        hash: intent_hash(&intent(1)),
        from: IntentStatus::Open,
        to: IntentState::Cancelled,
        note: None,
    };
    books.apply(vec![cancelled]).await.unwrap();
    assert!(books.plan(&plan(&[intent(0), intent(1)])).await.is_err());
    let found = books.found(Address::ZERO).await.unwrap();
    assert!(found.plans.is_empty());
    assert_eq!(found.intents[0].status, IntentStatus::Open);
}

// covers: S13
#[tokio::test]
async fn a_move_from_a_state_that_was_left_is_not_made() {
    let directory = tempfile::tempdir().unwrap();
    let books = books(directory.path());
    books.accept(intent(0), vec![1].into(), 5).await.unwrap();
    let hash = intent_hash(&intent(0));
    let to = |to| Move { hash, from: IntentStatus::Open, to, note: None };
    let made = books.apply(vec![to(IntentState::Cancelled), to(IntentState::Expired)]).await.unwrap();
    assert_eq!(made.len(), 1);
    assert_eq!(books.intent(hash).await.unwrap().unwrap().status, IntentStatus::Cancelled);
}

#[tokio::test]
async fn a_fill_and_a_refusal_can_be_told_again_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let books = books(directory.path());
    let filled = IntentState::Filled {
        round_id: B256::repeat_byte(1),
        slot: 3,
        strategy: B256::repeat_byte(2),
        buy_amount: U256::MAX,
        pips: -4,
    };
    let dropped = IntentState::Dropped { refusal: Refusal::new(RefusalCode::NonceUsed, "nonce 1 is spent") };
    for (nonce, state) in [(0, filled), (1, dropped), (2, IntentState::Expired), (3, IntentState::Cancelled)]
    {
        books.accept(intent(nonce), vec![1].into(), 5).await.unwrap();
        let hash = intent_hash(&intent(nonce));
        let change = Move { hash, from: IntentStatus::Open, to: state.clone(), note: None };
        books.apply(vec![change]).await.unwrap();
        assert_eq!(state_of(&books.intent(hash).await.unwrap().unwrap()).0, state);
    }
}

#[tokio::test]
async fn a_sheet_is_kept_with_the_circuit_that_proved_it() {
    let directory = tempfile::tempdir().unwrap();
    let books = books(directory.path());
    let submission = SheetSubmission {
        round_id: B256::repeat_byte(1),
        strategy_id: B256::repeat_byte(2),
        class_id: 0xdead_beef,
        capacity: 16,
        commit_index: 4,
        proof: vec![5; 100].into(),
    };
    assert!(books.receive(&submission, B256::ZERO, 1).await.unwrap());
    assert!(!books.receive(&submission, B256::ZERO, 1).await.unwrap());
    let sheets = books.sheets(B256::repeat_byte(1)).await.unwrap();
    assert_eq!(sheets.len(), 1);
    let sheet = &sheets[0];
    assert_eq!((sheet.commit_index, sheet.class_id, sheet.capacity), (4, 0xdead_beef, 16));
    assert_eq!(sheet.proof, vec![5; 100]);
}
