//! `sotto strategy verify`: a wrapped proof, checked by the proof system's own verifier.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use clap::Args;
use eyre::WrapErr as _;
use serde::Serialize;
use sotto_circuits::{SheetShape, WrapCircuit, WrapPublicInputs};
use sotto_types::Digest;

use crate::{args::OutputArgs, exit::Refused};

/// Largest proof file that is read, in bytes.
const MAX_BYTES: u64 = 4 << 20;
/// Elements at the end of the encoding: β, σ, γ.
const PUBLIC_INPUTS: usize = 8;

/// A proof to check.
#[derive(Args, Debug)]
pub(crate) struct VerifyArgs {
    /// The proof file that `strategy prove` wrote
    proof: PathBuf,
}

impl VerifyArgs {
    pub(super) fn run(self, output: OutputArgs) -> eyre::Result<()> {
        let refused = |reason: String| Refused { what: self.proof.display().to_string(), reason };
        let bytes = read(&self.proof)?;
        let shown = public_inputs(&bytes).map_err(refused)?;
        let wrap = WrapCircuit::build(&SheetShape::canonical()?)?;
        let proof = wrap.proof_from_bytes(&bytes).map_err(|error| refused(error.to_string()))?;
        wrap.verify(&proof, &shown).map_err(|error| refused(error.to_string()))?;
        output.print(&Verified::new(&shown))
    }
}

fn read(path: &Path) -> eyre::Result<Vec<u8>> {
    let unreadable = || format!("{} cannot be read", path.display());
    let size = fs::metadata(path).wrap_err_with(unreadable)?.len();
    eyre::ensure!(size <= MAX_BYTES, "{} has {size} bytes, the limit is {MAX_BYTES}", path.display());
    fs::read(path).wrap_err_with(unreadable)
}

/// The public inputs at the end of the encoding, eight bytes each, little-endian.
fn public_inputs(bytes: &[u8]) -> Result<WrapPublicInputs, String> {
    let tail = bytes.last_chunk::<{ 8 * PUBLIC_INPUTS }>().ok_or("the file is too short for a proof")?;
    let (words, _) = tail.as_chunks::<8>();
    let elements: [u64; PUBLIC_INPUTS] = words
        .iter()
        .map(|word| u64::from_le_bytes(*word))
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|_| "no public inputs")?;
    let [b0, b1, b2, b3, s0, s1, g0, g1] = elements;
    let beta = Digest::new([b0, b1, b2, b3]).map_err(|error| error.to_string())?;
    Ok(WrapPublicInputs { beta, sigma: [s0, s1], gamma: [g0, g1] })
}

#[derive(Debug, Serialize)]
struct Verified {
    valid: bool,
    beta: String,
    sigma: [String; 2],
    gamma: [String; 2],
}

impl Verified {
    fn new(shown: &WrapPublicInputs) -> Self {
        let text = |element: u64| format!("{element:#018x}");
        Self {
            valid: true,
            beta: shown.beta.to_word().to_string(),
            sigma: shown.sigma.map(text),
            gamma: shown.gamma.map(text),
        }
    }
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "valid\nbeta   {}\nsigma  {}\ngamma  {}",
            self.beta,
            self.sigma.join(" "),
            self.gamma.join(" ")
        )
    }
}
