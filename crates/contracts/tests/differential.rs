//! Mutated proofs and public inputs get the same verdict from the reference in Rust and from the deployed verifiers.
//! `SOTTO_FUZZ_ROUNDS` raises the number of mutations of each profile.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a fixture that cannot be built is a failed test")]

#[allow(dead_code, reason = "this test proves nothing anew")]
mod verifier_profiles;

use alloy::{
    network::EthereumWallet,
    primitives::{Address, U256},
    providers::{Provider, ProviderBuilder},
    rpc::types::TransactionRequest,
};
use plonky2::field::{goldilocks_field::GoldilocksField, types::Field64};
use rand::{Rng, SeedableRng, rngs::StdRng};
use sotto_chain::Anvil;
use sotto_contracts::{
    deploy_profile,
    verifier::{ELEMENT_BYTES, Layout, Profile},
};
use verifier_profiles::{Vector, call, file};

const P: u64 = GoldilocksField::ORDER;

/// Arguments of the verifier.
#[derive(Clone, PartialEq)]
struct Arguments {
    inputs: [U256; 8],
    proof: Vec<u8>,
}

/// The committed proofs, and where their parts are.
struct Corpus {
    vectors: Vec<(Profile, Vector)>,
}

fn rounds() -> usize {
    std::env::var("SOTTO_FUZZ_ROUNDS").map_or(80, |text| text.parse().unwrap())
}

/// Sections of elements, as opposed to digests.
fn has_elements(section: &str) -> bool {
    !section.ends_with("cap") && !section.ends_with("path") && !section.starts_with("middle")
}

/// Writes another element, sometimes the same one plus p, sometimes p or more.
fn change_element(proof: &mut [u8], at: usize, random: &mut StdRng) {
    let Some(bytes) = proof.get_mut(at..at + ELEMENT_BYTES) else { return };
    let old = u64::from_be_bytes((&*bytes).try_into().unwrap());
    let new = match random.gen_range(0..6) {
        0 => old.wrapping_add(P),
        1 => random.gen_range(P..=u64::MAX),
        2 => P - 1,
        3 => 0,
        4 => old ^ 1,
        _ => random.gen_range(0..P),
    };
    bytes.copy_from_slice(&new.to_be_bytes());
}

fn change_input(inputs: &mut [U256; 8], random: &mut StdRng) {
    let at = random.gen_range(0..8);
    match random.gen_range(0..5) {
        0 => inputs[at] += U256::from(P),
        1 => inputs[at] ^= U256::from(1) << random.gen_range(0..64_usize),
        2 => inputs[at] ^= U256::from(1) << random.gen_range(64..256_usize),
        3 => inputs.swap(at, random.gen_range(0..8)),
        _ => inputs[at] = U256::from(random.gen_range(0..P)),
    }
}

impl Corpus {
    fn new() -> Self {
        Self { vectors: Profile::ALL.map(|profile| (profile, Vector::committed(profile))).into() }
    }

    /// A valid proof with one thing changed, or two.
    fn mutated(&self, vector: &Vector, random: &mut StdRng) -> Arguments {
        let mut arguments = Arguments { inputs: vector.inputs.map(U256::from), proof: vector.proof.clone() };
        for _ in 0..random.gen_range(1..=2) {
            self.mutate(vector, &mut arguments, random);
        }
        arguments
    }

    fn mutate(&self, vector: &Vector, arguments: &mut Arguments, random: &mut StdRng) {
        let layout = Layout::new(&vector.circuit.common).unwrap();
        let sections = layout.sections();
        let (name, range) = &sections[random.gen_range(0..sections.len())];
        let proof = &mut arguments.proof;
        match random.gen_range(0..10) {
            0 | 1 => {
                let at = random.gen_range(range.clone());
                if let Some(byte) = proof.get_mut(at) {
                    *byte ^= 1 << random.gen_range(0..8);
                }
            }
            2 | 3 if has_elements(name) => {
                let index = random.gen_range(0..range.len() / ELEMENT_BYTES);
                change_element(proof, range.start + ELEMENT_BYTES * index, random);
            }
            4 => proof.truncate(random.gen_range(0..proof.len().max(1))),
            5 => proof.extend((0..random.gen_range(1..100)).map(|_| 0_u8)),
            6 => {
                // sections change places, as far as both reach
                let other = &sections[random.gen_range(0..sections.len())].1;
                let length = range
                    .len()
                    .min(other.len())
                    .min(proof.len().saturating_sub(range.start.max(other.start)));
                for offset in 0..length {
                    proof.swap(range.start + offset, other.start + offset);
                }
            }
            7 => {
                // a whole query in the place of another
                let (start, size) = (layout.queries_offset(), layout.query_bytes());
                let (from, to) = (random.gen_range(0..layout.queries), random.gen_range(0..layout.queries));
                if proof.len() == layout.proof_bytes() {
                    proof.copy_within(start + from * size..start + (from + 1) * size, start + to * size);
                }
            }
            8 => {
                // another circuit's proof, as it is or cut to this one's length
                let other = &self.vectors[random.gen_range(0..self.vectors.len())].1;
                let length = proof.len();
                proof.clone_from(&other.proof);
                if random.gen_range(0..2) == 0 {
                    proof.resize(length, 0);
                }
            }
            _ => change_input(&mut arguments.inputs, random),
        }
    }
}

/// What the contract answers: true, or a refusal. Any other answer is a failure.
async fn accepts_on_chain(provider: &impl Provider, verifier: Address, arguments: &Arguments) -> bool {
    let request = TransactionRequest::default()
        .to(verifier)
        .gas_limit(30_000_000)
        .input(call(&arguments.inputs, &arguments.proof).into());
    match provider.call(request).await {
        Ok(answer) => {
            assert_eq!(U256::from_be_slice(&answer), U256::from(1), "a verifier answers true or reverts");
            true
        }
        Err(error) => {
            let text = error.to_string();
            assert!(text.contains("revert"), "{text}");
            assert!(!text.contains("OutOfGas"), "{text}");
            false
        }
    }
}

fn accepts_in_rust(vector: &Vector, arguments: &Arguments) -> bool {
    let inputs: Result<Vec<u64>, _> = arguments.inputs.iter().map(|&input| u64::try_from(input)).collect();
    inputs.is_ok_and(|inputs| vector.accepts(&inputs, &arguments.proof))
}

// covers: Z1 Z2 Z3 Z4 Z5 Z7
#[tokio::test]
async fn rust_and_chain_agree_on_mutated_proofs_and_refuse_all_that_differ() {
    let anvil = Anvil::spawn(None, &["--gas-limit", "60000000"]).unwrap();
    let wallet = EthereumWallet::from(Anvil::signer(0).unwrap());
    let provider = ProviderBuilder::new().wallet(wallet).connect_http(anvil.http_url().parse().unwrap());
    let corpus = Corpus::new();
    let mut changed = 0;
    for (profile, vector) in &corpus.vectors {
        let verifier = deploy_profile(&provider, *profile).await.unwrap()["verifier"];
        let valid = Arguments { inputs: vector.inputs.map(U256::from), proof: vector.proof.clone() };
        assert!(accepts_in_rust(vector, &valid) && accepts_on_chain(&provider, verifier, &valid).await);
        let mut random = StdRng::seed_from_u64(0x736f_7474_6f00 + *profile as u64);
        for round in 0..rounds() {
            let arguments = corpus.mutated(vector, &mut random);
            let here = accepts_in_rust(vector, &arguments);
            let there = accepts_on_chain(&provider, verifier, &arguments).await;
            assert_eq!(here, there, "{} {round}", file(*profile));
            assert_eq!(here, arguments == valid, "{} {round}: accepted what differs", file(*profile));
            changed += usize::from(!here);
        }
    }
    assert!(changed > rounds(), "hardly anything was mutated: {changed}");
}
