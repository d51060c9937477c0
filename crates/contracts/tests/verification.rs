//! What explorers get compiles to what is deployed.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what is missing here is a failed test")]

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use alloy::primitives::{Address, B256, Bytes, hex};
use serde_json::Value;
use sotto_contracts::{CoreDelays, CoreSettings, Plan, Step, artifact, verification, verifier::Profile};
use sotto_types::Digest;

fn solidity() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("solidity")
}

fn compile(input: &Value) -> Value {
    let mut solc = Command::new(solidity().join("bin/solc"))
        .arg("--standard-json")
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    solc.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    serde_json::from_slice(&solc.wait_with_output().unwrap().stdout).unwrap()
}

fn settings(salt: u8) -> CoreSettings {
    CoreSettings {
        owner: Address::repeat_byte(1),
        binder: Address::repeat_byte(2),
        permit2: sotto_types::PERMIT2,
        wrapped_coin: Address::ZERO,
        key_set_root: Digest::default(),
        delays: CoreDelays { activation_blocks: 1, withdrawal_blocks: 2, key_set_seconds: 3 },
        profile: Profile::Fast,
        salt: B256::repeat_byte(salt),
    }
}

#[test]
fn the_standard_input_compiles_to_the_embedded_code() {
    let step = Step {
        name: "chain-feed".into(),
        contract: "ChainFeed".into(),
        address: Address::ZERO,
        arguments: Bytes::new(),
        code: Bytes::new(),
    };
    let found = verification(&step).unwrap();
    assert_eq!(found.contract_name, "src/feeds/ChainFeed.sol:ChainFeed");
    let output = compile(&found.standard_json_input);
    let code = output["contracts"]["src/feeds/ChainFeed.sol"]["ChainFeed"]["evm"]["bytecode"]["object"]
        .as_str()
        .unwrap_or_else(|| panic!("{}", output["errors"]));
    assert_eq!(hex::decode(code).unwrap(), artifact("ChainFeed").unwrap().creation_code(&[], &[]).unwrap());
}

#[test]
fn every_planned_contract_can_be_verified() {
    for step in Plan::core(settings(0)).unwrap().steps() {
        let found = verification(step).unwrap();
        assert_eq!(found.address, step.address);
        assert_eq!(found.constructor_arguments, step.arguments);
        let path = found.contract_name.split(':').next().unwrap();
        // the embedded sources are those of the tree
        let own = &found.standard_json_input["sources"][path]["content"];
        assert_eq!(
            own.as_str(),
            Some(std::fs::read_to_string(solidity().join(path)).unwrap().as_str()),
            "{path}"
        );
    }
}

#[test]
fn addresses_follow_from_settings_and_salt() {
    let addresses = |plan: &Plan| plan.steps().iter().map(|step| step.address).collect::<Vec<_>>();
    let plan = Plan::core(settings(1)).unwrap();
    assert_eq!(addresses(&plan), addresses(&Plan::core(settings(1)).unwrap()));
    let other = Plan::core(settings(2)).unwrap();
    assert!(addresses(&plan).iter().zip(addresses(&other)).all(|(a, b)| *a != b));
}
