//! The last step of a settlement's proof, in each form that a chain may verify.

use serde::{Deserialize, Serialize};
use sotto_circuits::{
    CircuitError, CompactCircuit, KeySet, Layer, SheetKey, SheetProof, SheetShape, ShrinkCircuit,
    ShrinkProof, WrapCircuit, WrapProof, WrapPublicInputs, field::CompactQueries,
};
use sotto_types::PublicData;

use crate::{
    ProveError, Stage,
    fast::{FastCircuit, Run},
    service::{Limits, refused},
};

/// Which circuit's proofs the settlement contract accepts. A deployment has one verifier, so its gateway, its solvers and
/// their workers all have the same profile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WrapProfile {
    /// One wrap of 16 queries at rate 2^-5: soonest made.
    #[default]
    Fast,
    /// A shrink, then a wrap of 10 queries at rate 2^-8: cheapest to settle.
    Compact,
    /// The same with 16 queries and 22 bits of work, for more proven bits.
    #[serde(rename = "compact-16")]
    Compact16,
}

impl WrapProfile {
    /// All profiles.
    pub const ALL: [Self; 3] = [Self::Fast, Self::Compact, Self::Compact16];

    /// The name in configurations and commands.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Compact => "compact",
            Self::Compact16 => "compact-16",
        }
    }

    const fn queries(self) -> Option<CompactQueries> {
        match self {
            Self::Fast => None,
            Self::Compact => Some(CompactQueries::Ten),
            Self::Compact16 => Some(CompactQueries::Sixteen),
        }
    }
}

impl std::fmt::Display for WrapProfile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for WrapProfile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|profile| profile.name() == text);
        found.ok_or_else(|| format!("one of {}", Self::ALL.map(Self::name).join(", ")))
    }
}

/// What a wrap shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settled<'a> {
    pub(crate) proof: &'a SheetProof,
    pub(crate) key: &'a SheetKey,
    pub(crate) keys: &'a KeySet,
    pub(crate) data: &'a PublicData,
    pub(crate) sigma: [u64; 2],
}

/// The circuits of a profile, each with what its prover keeps.
#[derive(Debug)]
pub(crate) enum Wrapping {
    Fast { circuit: Box<WrapCircuit>, prover: Box<FastCircuit> },
    Compact(Box<Compact>),
}

/// Both steps of the compact profiles.
#[derive(Debug)]
pub(crate) struct Compact {
    shrink: ShrinkCircuit,
    shrink_prover: FastCircuit,
    wrap: CompactCircuit,
    wrap_prover: FastCircuit,
}

impl Wrapping {
    /// Builds the circuits; seconds of work, for the compact profiles up to half a minute.
    pub(crate) fn build(profile: WrapProfile, shape: &SheetShape) -> Result<Self, ProveError> {
        let Some(queries) = profile.queries() else {
            let circuit = Box::new(refused(Stage::Build, WrapCircuit::build(shape))?);
            let prover = Box::new(FastCircuit::new(circuit.data())?);
            return Ok(Self::Fast { circuit, prover });
        };
        let shrink = ShrinkCircuit::build(shape);
        let shrink_prover = FastCircuit::new(shrink.data())?;
        let wrap = CompactCircuit::build(&shrink, queries);
        let wrap_prover = FastCircuit::new(wrap.data())?;
        Ok(Self::Compact(Box::new(Compact { shrink, shrink_prover, wrap, wrap_prover })))
    }

    /// Proves that an allowed sheet shows the public data. The proof still has to be verified.
    pub(crate) fn prove(&self, settled: &Settled<'_>, limits: &Limits) -> Result<WrapProof, ProveError> {
        let stage = limits.stage;
        let stop = || limits.check();
        let run = |layer| Run::new(stage, layer).until(&stop);
        let Settled { proof, key, keys, data, sigma } = *settled;
        match self {
            Self::Fast { circuit, prover } => {
                let witness = refused(stage, circuit.witness(proof, key, keys, data, sigma))?;
                Ok(WrapProof::new(prover.prove(circuit.data(), witness, &run(Layer::Wrap))?))
            }
            Self::Compact(compact) => {
                let Compact { shrink, shrink_prover, wrap, wrap_prover } = &**compact;
                let witness = refused(stage, shrink.witness(proof, key, keys, data, sigma))?;
                let shrunk =
                    ShrinkProof::new(shrink_prover.prove(shrink.data(), witness, &run(Layer::Shrink))?);
                let witness = refused(stage, wrap.witness(&shrunk))?;
                Ok(WrapProof::new(wrap_prover.prove(wrap.data(), witness, &run(Layer::Wrap))?))
            }
        }
    }

    /// Decodes a proof from outside; it still has to be verified.
    pub(crate) fn decode(&self, bytes: &[u8]) -> Result<WrapProof, CircuitError> {
        match self {
            Self::Fast { circuit, .. } => circuit.proof_from_bytes(bytes),
            Self::Compact(compact) => compact.wrap.proof_from_bytes(bytes),
        }
    }

    /// Verifies a proof against what it should show.
    pub(crate) fn verify(&self, proof: &WrapProof, shown: &WrapPublicInputs) -> Result<(), CircuitError> {
        match self {
            Self::Fast { circuit, .. } => circuit.verify(proof, shown),
            Self::Compact(compact) => compact.wrap.verify(proof, shown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{measure::Pipeline, no_deadline};

    fn proves_and_refuses(profile: WrapProfile) {
        let pipeline = Pipeline::build(&[], 1).unwrap();
        let (proof, _) = pipeline.prove().unwrap();
        let shown = pipeline.sample.shown(&proof, &pipeline.sheet);
        let key = pipeline.sheet.key();
        let wrapping = Wrapping::build(profile, &pipeline.sheet.shape()).unwrap();
        let (keys, data, sigma) = (&shown.keys, &shown.data, shown.sigma);
        let settled = Settled { proof: &proof, key: &key, keys, data, sigma };
        let limits = Limits::new(Stage::Wrap, no_deadline());
        let wrapped = wrapping.prove(&settled, &limits).unwrap();
        wrapping.verify(&wrapped, &shown.inputs).unwrap();
        let bytes = wrapped.to_bytes();
        assert_eq!(wrapping.decode(&bytes).unwrap(), wrapped);
        assert!(wrapping.decode(&bytes[1..]).is_err());
        let mut other = shown.data.clone();
        other.claims[0].best += 1;
        assert!(wrapping.verify(&wrapped, &WrapPublicInputs::of(&other, sigma)).is_err());
        assert!(wrapping.prove(&Settled { data: &other, ..settled }, &limits).is_err());
    }

    #[test]
    fn the_fast_profile_proves_what_a_sheet_shows_and_nothing_else() {
        proves_and_refuses(WrapProfile::Fast);
    }

    #[test]
    #[ignore = "soak"]
    fn the_compact_profiles_prove_what_a_sheet_shows_and_nothing_else() {
        proves_and_refuses(WrapProfile::Compact);
        proves_and_refuses(WrapProfile::Compact16);
    }

    #[test]
    fn profiles_have_names_of_their_own() {
        let names = WrapProfile::ALL.map(|profile| serde_json::to_string(&profile).unwrap());
        assert_eq!(names, WrapProfile::ALL.map(|profile| format!("\"{profile}\"")));
        assert!(WrapProfile::ALL.into_iter().all(|profile| profile.name().parse() == Ok(profile)));
        assert!("Fast".parse::<WrapProfile>().is_err());
        assert_eq!(WrapProfile::default(), WrapProfile::Fast);
    }
}
