//! What proving costs on this machine: the stock prover and the fast one in turn, on the same circuits and witnesses.

pub(crate) mod sample;

use std::{fs, time::Instant};

use plonky2::{
    iop::witness::PartialWitness,
    plonk::config::{GenericConfig, Hasher},
};
use serde::Serialize;
use sotto_circuits::{
    CircuitError, CompactCircuit, Layer, LeafCircuit, LeafProof, SheetCircuit, SheetProof, ShrinkCircuit,
    ShrinkProof, WrapCircuit, WrapProof, WrapPublicInputs,
    field::{CircuitData, CompactQueries, D, F, Proof},
};

use crate::{
    ProveError, Stage,
    fast::{Backend, FastCircuit, FastHash, Phase, PhaseSeconds, Run},
};
use sample::Sample;

/// Hidden layers of the class whose sheets are timed.
const HIDDEN: [usize; 2] = [64, 64];

/// What to measure.
#[derive(Clone, Copy, Debug)]
pub struct Measurement {
    /// Runs of each comparison; the medians count.
    pub runs: usize,
    /// Whether to measure the compact profile, whose stock proofs take a quarter of a minute each.
    pub compact: bool,
}

/// The stock prover and the fast one on one circuit.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The circuit.
    pub name: &'static str,
    /// log2 of its rows.
    pub degree_bits: usize,
    /// log2 of the inverse rate.
    pub rate_bits: usize,
    /// Median seconds of the stock prover.
    pub stock_seconds: f64,
    /// Median seconds of the fast prover.
    pub fast_seconds: f64,
    /// The median of the ratios of neighbouring runs.
    pub ratio: f64,
    /// Seconds of the fast prover's phases, in its last run.
    pub phases: Vec<(&'static str, f64)>,
    /// Thread seconds of transforms and of hashing leaves within them.
    pub transform_thread_seconds: f64,
    /// Thread seconds of hashing leaves within the commitments.
    pub leaf_thread_seconds: f64,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Instructions of the kernels.
    pub backend: &'static str,
    /// Threads.
    pub threads: usize,
    /// Stock seconds over ours, on a recursion of 2^12 rows.
    pub recursion_ratio: f64,
    /// On the shrink.
    pub shrink_ratio: Option<f64>,
    /// On the compact wrap.
    pub wrap_ratio: Option<f64>,
    /// From features to the sheet's proof, one slot.
    pub sheet_seconds: f64,
    /// From features to the proof of the `fast` profile.
    pub fast_seconds: f64,
    /// From features to the proof of the `compact` profile.
    pub compact_seconds: Option<f64>,
    /// A sheet of 32 slots over one of 1.
    pub slots32_over_1: f64,
    /// Peak memory of making these proofs, circuits included, in MB; nothing where the system does not tell.
    pub peak_rss_mb: Option<u64>,
    /// The comparisons.
    pub comparisons: Vec<Comparison>,
}

impl Measurement {
    /// Measures; minutes of work, most of it the stock prover's.
    ///
    /// # Errors
    /// When a circuit cannot be built or a proof is not made.
    pub fn run(self, progress: impl Fn(&str)) -> Result<Report, ProveError> {
        progress("building the circuits of sheets and wraps");
        let one = Pipeline::build(&HIDDEN, 1)?;
        let many = Pipeline::build(&HIDDEN, 32)?;
        let wrap = circuit(WrapCircuit::build(&one.sheet.shape()))?;
        let wrap_prover = FastCircuit::new(wrap.data())?;
        let compact = self.compact.then(|| Compact::build(&one)).transpose()?;
        forget_peak();

        progress("proving sheets and wraps");
        let mut sheet_seconds = Vec::new();
        let mut sheet32_seconds = Vec::new();
        let mut fast_seconds = Vec::new();
        let mut compact_seconds = Vec::new();
        let mut sheet = None;
        for _ in 0..self.runs.max(1) {
            let (proof, seconds) = one.prove()?;
            sheet_seconds.push(seconds);
            sheet32_seconds.push(many.prove()?.1);
            let started = Instant::now();
            let shown = one.sample.shown(&proof, &one.sheet);
            let witness = wrap.witness(&proof, &one.sheet.key(), &shown.keys, &shown.data, shown.sigma);
            let run = Run::new(Stage::Wrap, Layer::Wrap);
            let wrapped = wrap_prover.prove(wrap.data(), circuit(witness)?, &run)?;
            circuit(wrap.verify(&WrapProof::new(wrapped), &shown.inputs))?;
            fast_seconds.push(seconds + started.elapsed().as_secs_f64());
            if let Some(compact) = &compact {
                let started = Instant::now();
                compact.prove(&one, &proof)?;
                compact_seconds.push(seconds + started.elapsed().as_secs_f64());
            }
            sheet = Some(proof);
        }
        let peak_rss_mb = peak_rss_mb();

        let mut comparisons = Vec::new();
        progress("comparing on a recursion");
        let (data, witness) = sample::recursion();
        comparisons.push(compare("recursion", &data, &FastCircuit::new(&data)?, &witness, self.runs)?);
        if let (Some(compact), Some(sheet)) = (&compact, &sheet) {
            progress("comparing on the shrink");
            let witness = compact.shrink_witness(&one, sheet)?;
            let shrink = compact.shrink.data();
            comparisons.push(compare("shrink", shrink, &compact.shrink_prover, &witness, self.runs)?);
            progress("comparing on the compact wrap");
            let proof = compact.shrink(&one, sheet)?;
            let witness = circuit(compact.wrap.witness(&proof))?;
            let wrap = compact.wrap.data();
            comparisons.push(compare("wrap", wrap, &compact.wrap_prover, &witness, self.runs)?);
        }
        let ratio = |name| comparisons.iter().find(|c| c.name == name).map(|c| c.ratio);
        let single = median(&mut sheet_seconds);
        Ok(Report {
            backend: Backend::detect().name(),
            threads: rayon::current_num_threads(),
            recursion_ratio: ratio("recursion").unwrap_or_default(),
            shrink_ratio: ratio("shrink"),
            wrap_ratio: ratio("wrap"),
            sheet_seconds: single,
            fast_seconds: median(&mut fast_seconds),
            compact_seconds: self.compact.then(|| median(&mut compact_seconds)),
            slots32_over_1: median(&mut sheet32_seconds) / single,
            peak_rss_mb,
            comparisons,
        })
    }
}

fn circuit<T>(result: Result<T, CircuitError>) -> Result<T, ProveError> {
    result.map_err(|source| ProveError::Circuit { stage: Stage::Build, source })
}

/// Leaf and sheet of one capacity.
pub(crate) struct Pipeline {
    pub(crate) sample: Sample,
    pub(crate) leaf: LeafCircuit,
    leaf_prover: FastCircuit,
    pub(crate) sheet: SheetCircuit,
    sheet_prover: FastCircuit,
}

impl Pipeline {
    pub(crate) fn build(hidden: &[usize], slots: usize) -> Result<Self, ProveError> {
        let sample = circuit(Sample::new(hidden, slots))?;
        let leaf = circuit(LeafCircuit::build(sample.class(), slots))?;
        let sheet = circuit(SheetCircuit::build(&leaf))?;
        let (leaf_prover, sheet_prover) = (FastCircuit::new(leaf.data())?, FastCircuit::new(sheet.data())?);
        Ok(Self { sample, leaf, leaf_prover, sheet, sheet_prover })
    }

    /// From features to a verified sheet.
    pub(crate) fn prove(&self) -> Result<(SheetProof, f64), ProveError> {
        let started = Instant::now();
        let witness = circuit(self.leaf.witness(&self.sample.leaf_inputs()))?;
        let run = Run::new(Stage::Sheet, Layer::Leaf);
        let leaf = LeafProof::new(self.leaf_prover.prove(self.leaf.data(), witness, &run)?);
        let witness = circuit(self.sheet.witness(&leaf, &self.sample.sheet_inputs(&self.sheet)))?;
        let run = Run::new(Stage::Sheet, Layer::Sheet);
        let sheet = SheetProof::new(self.sheet_prover.prove(self.sheet.data(), witness, &run)?);
        circuit(self.sheet.verify(&sheet))?;
        Ok((sheet, started.elapsed().as_secs_f64()))
    }
}

/// The two steps of the compact profile.
struct Compact {
    shrink: ShrinkCircuit,
    shrink_prover: FastCircuit,
    wrap: CompactCircuit,
    wrap_prover: FastCircuit,
}

impl Compact {
    fn build(pipeline: &Pipeline) -> Result<Self, ProveError> {
        let shrink = ShrinkCircuit::build(&pipeline.sheet.shape());
        let shrink_prover = FastCircuit::new(shrink.data())?;
        let wrap = CompactCircuit::build(&shrink, CompactQueries::Ten);
        let wrap_prover = FastCircuit::new(wrap.data())?;
        Ok(Self { shrink, shrink_prover, wrap, wrap_prover })
    }

    fn shrink_witness(
        &self,
        pipeline: &Pipeline,
        sheet: &SheetProof,
    ) -> Result<PartialWitness<F>, ProveError> {
        let shown = pipeline.sample.shown(sheet, &pipeline.sheet);
        let key = pipeline.sheet.key();
        circuit(self.shrink.witness(sheet, &key, &shown.keys, &shown.data, shown.sigma))
    }

    fn shrink(&self, pipeline: &Pipeline, sheet: &SheetProof) -> Result<ShrinkProof, ProveError> {
        let witness = self.shrink_witness(pipeline, sheet)?;
        let run = Run::new(Stage::Wrap, Layer::Shrink);
        Ok(ShrinkProof::new(self.shrink_prover.prove(self.shrink.data(), witness, &run)?))
    }

    /// Both steps, verified.
    fn prove(&self, pipeline: &Pipeline, sheet: &SheetProof) -> Result<(), ProveError> {
        let shrunk = self.shrink(pipeline, sheet)?;
        let witness = circuit(self.wrap.witness(&shrunk))?;
        let run = Run::new(Stage::Wrap, Layer::Wrap);
        let proof = WrapProof::new(self.wrap_prover.prove(self.wrap.data(), witness, &run)?);
        let shown: WrapPublicInputs = pipeline.sample.shown(sheet, &pipeline.sheet).inputs;
        circuit(self.wrap.verify(&proof, &shown))
    }
}

/// Both provers in turn on one circuit and witness. The fast prover's last proof is verified by the stock verifier.
fn compare<K: GenericConfig<D, F = F, Hasher: FastHash>>(
    name: &'static str,
    data: &CircuitData<K>,
    fast: &FastCircuit,
    witness: &PartialWitness<F>,
    runs: usize,
) -> Result<Comparison, ProveError>
where
    K::InnerHasher: Hasher<F>,
{
    let run = Run::new(Stage::Wrap, Layer::Wrap);
    let (mut stock, mut ours, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let mut last: Option<(Proof<K>, PhaseSeconds)> = None;
    for _ in 0..runs.max(1) {
        let started = Instant::now();
        data.prove(witness.clone()).map_err(|e| unprovable(&e))?;
        stock.push(started.elapsed().as_secs_f64());
        let started = Instant::now();
        last = Some(fast.prove_timed(data, witness.clone(), &run)?);
        ours.push(started.elapsed().as_secs_f64());
        ratios.push(stock[stock.len() - 1] / ours[ours.len() - 1]);
    }
    let seconds = last.as_ref().map(|(_, seconds)| *seconds).unwrap_or_default();
    if let Some((proof, _)) = last {
        data.verify(proof).map_err(|e| unprovable(&e))?;
    }
    Ok(Comparison {
        name,
        degree_bits: data.common.degree_bits(),
        rate_bits: data.common.config.fri_config.rate_bits,
        stock_seconds: median(&mut stock),
        fast_seconds: median(&mut ours),
        ratio: median(&mut ratios),
        phases: Phase::ALL.map(|phase| (phase.name(), seconds.phases[phase as usize])).to_vec(),
        transform_thread_seconds: seconds.transforms,
        leaf_thread_seconds: seconds.leaves,
    })
}

fn unprovable(error: &impl std::fmt::Display) -> ProveError {
    let source = CircuitError::unprovable(Layer::Wrap, error);
    ProveError::Circuit { stage: Stage::Wrap, source }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Lets the peak start anew, where the system can.
fn forget_peak() {
    // Without it the peak covers building the circuits as well, which is what is reported then.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// The process's largest resident set so far, in MiB; `None` where the system does not tell.
pub fn peak_rss_mb() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kb| kb / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_three_is_the_one_between() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut []), 0.0);
    }

    #[test]
    #[ignore = "soak"]
    #[allow(clippy::print_stdout, reason = "the report is what a long run is for")]
    fn every_profile_is_measured_and_every_proof_verifies() {
        let runs = 1;
        let report = Measurement { runs, compact: true }.run(|step| println!("{step}")).unwrap();
        println!("{}", serde_json::to_string_pretty(&report).unwrap());
        assert_eq!(report.comparisons.len(), 3);
        assert!(report.wrap_ratio.is_some() && report.compact_seconds.is_some());
    }
}
