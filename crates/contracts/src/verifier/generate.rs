//! Solidity from a circuit.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use alloy::primitives::keccak256;
use plonky2::field::goldilocks_field::GoldilocksField;
use plonky2::field::types::{Field, PrimeField64};
use plonky2::fri::FriParams;
use plonky2::plonk::circuit_data::{CommonCircuitData, VerifierOnlyCircuitData};
use plonky2::plonk::config::GenericHashOut;
use sotto_circuits::evm_hash::EvmConfig;

use super::error::Error;
use super::gates::{coset_generator, gate_call};
use super::layout::{Layout, PUBLIC_INPUTS};

type F = GoldilocksField;

/// A generated source file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneratedFile {
    /// File name, without directory.
    pub name: String,
    /// Contents.
    pub contents: String,
}

/// How the generated contracts are named and where they find the hand-written libraries.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    /// Prefix of the generated contracts: `<prefix>Identity`, `<prefix>Verifier`.
    pub prefix: &'a str,
    /// Import path of the hand-written libraries, seen from the generated files.
    pub libraries: &'a str,
}

/// What the generated files of the wrap circuit are called; they live in `src/verifier/generated/`.
pub const WRAP: Names<'static> = Names { prefix: "Wrap", libraries: ".." };

/// Generates the verifier of the wrap circuit.
///
/// # Errors
/// `UnknownGate`, `UnsupportedCircuit` or `UnreadableCircuit`, see [`generate_named`].
pub fn generate(
    common: &CommonCircuitData<F, 2>,
    verifier_only: &VerifierOnlyCircuitData<EvmConfig, 2>,
) -> Result<Vec<GeneratedFile>, Error> {
    generate_named(common, verifier_only, WRAP)
}

/// Generates the verifier of any circuit over `EvmConfig` with eight public inputs.
///
/// # Errors
/// `UnknownGate` for a gate without a constraint library; `UnsupportedCircuit` for lookups, hiding, another number of
/// public inputs or a shape that the contract cannot take; `UnreadableCircuit` if the selectors cannot be read.
pub fn generate_named(
    common: &CommonCircuitData<F, 2>,
    verifier_only: &VerifierOnlyCircuitData<EvmConfig, 2>,
    names: Names<'_>,
) -> Result<Vec<GeneratedFile>, Error> {
    check_supported(common)?;
    let selectors = Selectors::read(common)?;
    let gates = Gates::new(common, &selectors)?;
    let transcript_start = transcript_start(common, verifier_only);
    let cap: Vec<u8> = verifier_only.constants_sigmas_cap.0.iter().flat_map(|digest| digest.0).collect();
    let shape = shape(common, &selectors)?;
    let id = keccak256([shape.as_bytes(), gates.body.as_bytes(), &transcript_start, &cap].concat());
    let circuit = circuit_library(names, id.as_slice(), &shape, &transcript_start, &cap);
    let file =
        |suffix: &str, contents| GeneratedFile { name: format!("{}{suffix}.sol", names.prefix), contents };
    Ok(vec![
        file("Circuit", circuit),
        file("Identity", identity_contract(names, &gates)),
        file("Verifier", verifier_contract(names)),
    ])
}

const HEADER: &str = "// SPDX-License-Identifier: MIT OR Apache-2.0\n// Generated from the circuit; do not edit.\npragma solidity ^0.8.28;\n\n";

/// The gates' selector polynomials; plonky2 keeps them private, so they are read through serialisation.
#[derive(serde::Deserialize)]
struct Selectors {
    selector_indices: Vec<usize>,
    groups: Vec<std::ops::Range<usize>>,
}

impl Selectors {
    fn read(common: &CommonCircuitData<F, 2>) -> Result<Self, Error> {
        #[derive(serde::Deserialize)]
        struct Common {
            selectors_info: Selectors,
        }
        let unreadable = |_| Error::UnreadableCircuit { part: "selectors_info" };
        let value = serde_json::to_value(common).map_err(unreadable)?;
        let common: Common = serde_json::from_value(value).map_err(unreadable)?;
        Ok(common.selectors_info)
    }
}

/// The gates' constraint calls as Solidity.
struct Gates {
    body: String,
    imports: BTreeMap<&'static str, BTreeSet<&'static str>>,
}

impl Gates {
    fn new(common: &CommonCircuitData<F, 2>, selectors: &Selectors) -> Result<Self, Error> {
        let mut gates = Self { body: String::new(), imports: BTreeMap::new() };
        let unreadable = || Error::UnreadableCircuit { part: "selectors_info" };
        for (row, gate) in common.gates.iter().enumerate() {
            let Some(call) = gate_call(gate)? else { continue };
            let selector = *selectors.selector_indices.get(row).ok_or_else(unreadable)?;
            let group = selectors.groups.get(selector).ok_or_else(unreadable)?;
            if !group.contains(&row) {
                return Err(unreadable());
            }
            gates.imports.entry(call.file).or_default().insert(call.library);
            let arguments: String = call.arguments.iter().map(|a| format!(", {a}")).collect();
            let _ = writeln!(
                gates.body,
                "        f.select({row}, {selector}, {}, {});\n        {}.eval(f{arguments});",
                group.start, group.end, call.library
            );
        }
        Ok(gates)
    }
}

fn check_supported(common: &CommonCircuitData<F, 2>) -> Result<(), Error> {
    let require = |ok: bool, property, expected: &str, got: String| match ok {
        true => Ok(()),
        false => Err(Error::UnsupportedCircuit { property, expected: expected.into(), got }),
    };
    let inputs = common.num_public_inputs;
    require(inputs == PUBLIC_INPUTS, "num_public_inputs", &PUBLIC_INPUTS.to_string(), inputs.to_string())?;
    let hiding = common.fri_params.hiding || common.config.zero_knowledge;
    require(!hiding, "fri_params.hiding", "false", hiding.to_string())?;
    let lookups = common.num_lookup_polys + common.num_lookup_selectors + common.luts.len();
    require(lookups == 0, "num_lookup_polys", "0", lookups.to_string())?;
    let layout = Layout::new(common)?;
    // shorter leaves are not hashed by plonky2
    let shortest = layout.leaf_lens.into_iter().min().unwrap_or_default();
    require(shortest >= 4, "shortest leaf", "at least 4 elements", shortest.to_string())?;
    let arities = &layout.arity_bits;
    require(
        arities.iter().all(|a| (1..=8).contains(a)),
        "reduction_arity_bits",
        "1 to 8",
        format!("{arities:?}"),
    )?;
    let chunks = common.config.num_routed_wires.div_ceil(common.quotient_degree_factor);
    let products = common.num_partial_products + 1;
    require(
        chunks == products,
        "num_partial_products",
        &(chunks - 1).to_string(),
        (products - 1).to_string(),
    )?;
    let bits = common.fri_params.lde_bits();
    require(bits <= 32, "lde_bits", "at most 32", bits.to_string())?;
    let work = common.fri_params.config.proof_of_work_bits;
    require(work <= 64, "proof_of_work_bits", "at most 64", work.to_string())
}

/// FRI parameters as the transcript takes them, then the circuit digest: elements of eight bytes, big-endian.
fn transcript_start(
    common: &CommonCircuitData<F, 2>,
    verifier_only: &VerifierOnlyCircuitData<EvmConfig, 2>,
) -> Vec<u8> {
    let FriParams { config, hiding, degree_bits, reduction_arity_bits } = &common.fri_params;
    let mut elements = vec![
        F::from_canonical_usize(config.rate_bits),
        F::from_canonical_usize(config.cap_height),
        F::from_canonical_u32(config.proof_of_work_bits),
    ];
    elements.extend(config.reduction_strategy.serialize::<F>());
    elements.push(F::from_canonical_usize(config.num_query_rounds));
    elements.push(F::from_bool(*hiding));
    elements.push(F::from_canonical_usize(*degree_bits));
    elements.extend(reduction_arity_bits.iter().map(|&bits| F::from_canonical_usize(bits)));
    let digest: Vec<F> = verifier_only.circuit_digest.to_vec();
    elements.extend(digest);
    elements.iter().flat_map(|element| element.to_canonical_u64().to_be_bytes()).collect()
}

fn shape(common: &CommonCircuitData<F, 2>, selectors: &Selectors) -> Result<String, Error> {
    let config = &common.config;
    let fri = &common.fri_params;
    let generator = coset_generator(&common.k_is).ok_or_else(|| Error::UnsupportedCircuit {
        property: "k_is",
        expected: "powers of the generator".into(),
        got: "others".into(),
    })?;
    let arity_bits: Vec<u8> =
        fri.reduction_arity_bits.iter().map(|&bits| u8::try_from(bits).unwrap_or(u8::MAX)).collect();
    let fields = [
        ("degreeBits", fri.degree_bits.to_string()),
        ("rateBits", fri.config.rate_bits.to_string()),
        ("capHeight", fri.config.cap_height.to_string()),
        ("powBits", fri.config.proof_of_work_bits.to_string()),
        ("queries", fri.config.num_query_rounds.to_string()),
        ("arityBits", format!("hex\"{}\"", hex(&arity_bits))),
        ("constants", common.num_constants.to_string()),
        ("selectors", selectors.groups.len().to_string()),
        ("routedWires", config.num_routed_wires.to_string()),
        ("wires", config.num_wires.to_string()),
        ("challenges", config.num_challenges.to_string()),
        ("partialProducts", common.num_partial_products.to_string()),
        ("quotientDegreeFactor", common.quotient_degree_factor.to_string()),
        ("gateConstraints", common.num_gate_constraints.to_string()),
        ("cosetGenerator", generator.to_canonical_u64().to_string()),
    ];
    let fields: Vec<String> =
        fields.iter().map(|(name, value)| format!("            {name}: {value}")).collect();
    Ok(fields.join(",\n"))
}

fn circuit_library(names: Names<'_>, id: &[u8], shape: &str, transcript_start: &[u8], cap: &[u8]) -> String {
    let Names { prefix, libraries } = names;
    format!(
        r#"{HEADER}import {{Shape}} from "{libraries}/Shape.sol";

/// @title The circuit that {prefix}Verifier verifies
library {prefix}Circuit {{
    /// @dev Keccak-256 of what follows and of the gates with their selectors.
    bytes32 internal constant ID = 0x{};

    /// @dev FRI parameters and circuit digest as the transcript takes them.
    bytes internal constant TRANSCRIPT_START = {};

    /// @dev Cap of the tree of constants and sigmas.
    bytes internal constant CONSTANTS_CAP = {};

    function shape() internal pure returns (Shape memory) {{
        return Shape({{
{shape}
        }});
    }}
}}
"#,
        hex(id),
        literal(transcript_start),
        literal(cap),
    )
}

fn identity_contract(names: Names<'_>, gates: &Gates) -> String {
    let Names { prefix, libraries } = names;
    let mut imports = String::new();
    for (file, names) in &gates.imports {
        let names = names.iter().copied().collect::<Vec<_>>().join(", ");
        let _ = writeln!(imports, "import {{{names}}} from \"{libraries}/gates/{file}.sol\";");
    }
    format!(
        r#"{HEADER}import {{Frame, GateFrame}} from "{libraries}/GateFrame.sol";
import {{PlonkIdentity}} from "{libraries}/PlonkIdentity.sol";
import {{Shape}} from "{libraries}/Shape.sol";
{imports}import {{{prefix}Circuit}} from "./{prefix}Circuit.sol";

/// @title Constraints of the circuit
contract {prefix}Identity is PlonkIdentity {{
    using Frame for GateFrame;

    function _circuitId() internal pure override returns (bytes32) {{
        return {prefix}Circuit.ID;
    }}

    function _shape() internal pure override returns (Shape memory) {{
        return {prefix}Circuit.shape();
    }}

    function _gates(GateFrame memory f) internal pure override {{
{}    }}
}}
"#,
        gates.body,
    )
}

fn verifier_contract(names: Names<'_>) -> String {
    let Names { prefix, libraries } = names;
    format!(
        r#"{HEADER}import {{PlonkIdentity}} from "{libraries}/PlonkIdentity.sol";
import {{Plonky2Verifier}} from "{libraries}/Plonky2Verifier.sol";
import {{Shape}} from "{libraries}/Shape.sol";
import {{{prefix}Circuit}} from "./{prefix}Circuit.sol";

/// @title Verifier of the circuit's proofs
contract {prefix}Verifier is Plonky2Verifier {{
    constructor(PlonkIdentity identity_) Plonky2Verifier(identity_) {{}}

    function _circuitId() internal pure override returns (bytes32) {{
        return {prefix}Circuit.ID;
    }}

    function _shape() internal pure override returns (Shape memory) {{
        return {prefix}Circuit.shape();
    }}

    function _transcriptStart() internal pure override returns (bytes memory) {{
        return {prefix}Circuit.TRANSCRIPT_START;
    }}

    function _constantsCap() internal pure override returns (bytes memory) {{
        return {prefix}Circuit.CONSTANTS_CAP;
    }}
}}
"#
    )
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A hex literal over several lines.
fn literal(bytes: &[u8]) -> String {
    let lines: Vec<String> = bytes.chunks(32).map(|chunk| format!("hex\"{}\"", hex(chunk))).collect();
    lines.join("\n        ")
}
