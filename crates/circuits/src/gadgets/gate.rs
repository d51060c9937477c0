//! A gate made of equal operations laid side by side in a row, from a description of one operation.

use std::{fmt::Debug, marker::PhantomData};

use anyhow::Result;
use plonky2::{
    field::{packed::PackedField, types::Field},
    gates::{gate::Gate, packed_util::PackedEvaluableBase, util::StridedConstraintConsumer},
    iop::{
        ext_target::ExtensionTarget,
        generator::{GeneratedValues, SimpleGenerator, WitnessGeneratorRef},
        witness::{PartitionWitness, Witness, WitnessWrite},
    },
    plonk::{
        circuit_data::CommonCircuitData,
        vars::{
            EvaluationTargets, EvaluationVars, EvaluationVarsBase, EvaluationVarsBaseBatch,
            EvaluationVarsBasePacked,
        },
    },
    util::serialization::{Buffer, IoError, IoResult},
};

use super::arith::{Arith, CircuitArith, ExtArith, FE, PackedArith};
use crate::field::{Builder, D, F, Target, WIRES};

/// One operation of a gate. Its wires are, in order: inputs (routed), outputs (routed), advice.
pub(crate) trait Gadget: Clone + Debug + Send + Sync + 'static {
    /// Inputs of an operation.
    fn inputs(&self) -> usize;
    /// Outputs of an operation.
    fn outputs(&self) -> usize;
    /// Advice wires of an operation.
    fn advice(&self) -> usize;
    /// Constraints of an operation.
    fn constraint_count(&self) -> usize;
    /// Greatest degree of a constraint.
    fn degree(&self) -> usize;
    /// The constraints, on the operation's wires.
    fn constraints<A: Arith>(&self, a: &mut A, wires: &[A::V]) -> Vec<A::V>;
    /// Outputs and advice from the inputs. Inputs that satisfy no witness give values that the constraints refuse.
    fn fill(&self, inputs: &[F]) -> Vec<F>;

    /// Inputs of an operation that fills a row up.
    fn filling(&self) -> Vec<F> {
        vec![F::ZERO; self.inputs()]
    }

    /// Routed wires of an operation.
    fn routed(&self) -> usize {
        self.inputs() + self.outputs()
    }

    /// Operations that a row holds in a circuit with `routed_wires`.
    fn ops(&self, routed_wires: usize) -> usize {
        (routed_wires / self.routed()).min(WIRES / (self.routed() + self.advice()))
    }

    /// Column of wire `wire` of operation `op` of `ops`: routed wires of all operations come first.
    fn column(&self, ops: usize, op: usize, wire: usize) -> usize {
        let routed = self.routed();
        if wire < routed { op * routed + wire } else { ops * routed + op * self.advice() + (wire - routed) }
    }
}

/// The gate of a [`Gadget`]: as many operations as a row of a circuit holds.
#[derive(Clone, Debug)]
pub(crate) struct GadgetGate<G> {
    gadget: G,
    ops: usize,
}

impl<G: Gadget> GadgetGate<G> {
    /// The gate in circuits with this many routed wires.
    pub(crate) fn new(gadget: G, routed_wires: usize) -> Self {
        let ops = gadget.ops(routed_wires);
        Self { gadget, ops }
    }

    fn evaluate<A: Arith>(&self, a: &mut A, wire: impl Fn(usize) -> A::V) -> Vec<A::V> {
        let gadget = &self.gadget;
        let count = gadget.routed() + gadget.advice();
        let ops = (0..self.ops).flat_map(|op| {
            let wires: Vec<_> = (0..count).map(|w| wire(gadget.column(self.ops, op, w))).collect();
            gadget.constraints(a, &wires)
        });
        ops.collect()
    }
}

impl<G: Gadget> Gate<F, D> for GadgetGate<G> {
    fn id(&self) -> String {
        format!("{:?}", self.gadget)
    }

    /// Circuits are rebuilt from their class, never read from bytes.
    fn serialize(&self, _dst: &mut Vec<u8>, _common: &CommonCircuitData<F, D>) -> IoResult<()> {
        Err(IoError)
    }

    fn deserialize(_src: &mut Buffer<'_>, _common: &CommonCircuitData<F, D>) -> IoResult<Self> {
        Err(IoError)
    }

    fn eval_unfiltered(&self, vars: EvaluationVars<'_, F, D>) -> Vec<FE> {
        self.evaluate(&mut ExtArith, |column| vars.local_wires[column])
    }

    fn eval_unfiltered_base_one(
        &self,
        vars: EvaluationVarsBase<'_, F>,
        mut yield_constr: StridedConstraintConsumer<'_, F>,
    ) {
        yield_constr.many(self.evaluate(&mut PackedArith::<F>(PhantomData), |c| vars.local_wires[c]));
    }

    fn eval_unfiltered_base_batch(&self, vars: EvaluationVarsBaseBatch<'_, F>) -> Vec<F> {
        self.eval_unfiltered_base_batch_packed(vars)
    }

    fn eval_unfiltered_circuit(
        &self,
        builder: &mut Builder,
        vars: EvaluationTargets<'_, D>,
    ) -> Vec<ExtensionTarget<D>> {
        self.evaluate(&mut CircuitArith(builder), |column| vars.local_wires[column])
    }

    fn generators(&self, row: usize, _local_constants: &[F]) -> Vec<WitnessGeneratorRef<F, D>> {
        let generator = |op| OpGenerator { gadget: self.gadget.clone(), row, ops: self.ops, op };
        (0..self.ops).map(|op| WitnessGeneratorRef::new(generator(op).adapter())).collect()
    }

    fn num_wires(&self) -> usize {
        self.ops * (self.gadget.routed() + self.gadget.advice())
    }

    fn num_constants(&self) -> usize {
        0
    }

    fn degree(&self) -> usize {
        self.gadget.degree()
    }

    fn num_constraints(&self) -> usize {
        self.ops * self.gadget.constraint_count()
    }
}

impl<G: Gadget> PackedEvaluableBase<F, D> for GadgetGate<G> {
    fn eval_unfiltered_base_packed<P: PackedField<Scalar = F>>(
        &self,
        vars: EvaluationVarsBasePacked<'_, P>,
        mut yield_constr: StridedConstraintConsumer<'_, P>,
    ) {
        yield_constr.many(self.evaluate(&mut PackedArith::<P>(PhantomData), |c| vars.local_wires[c]));
    }
}

/// Fills outputs and advice of one operation.
#[derive(Clone, Debug)]
struct OpGenerator<G> {
    gadget: G,
    row: usize,
    ops: usize,
    op: usize,
}

impl<G: Gadget> SimpleGenerator<F, D> for OpGenerator<G> {
    fn id(&self) -> String {
        format!("{self:?}")
    }

    fn dependencies(&self) -> Vec<Target> {
        let column = |w| self.gadget.column(self.ops, self.op, w);
        (0..self.gadget.inputs()).map(|w| Target::wire(self.row, column(w))).collect()
    }

    fn run_once(&self, witness: &PartitionWitness<'_, F>, out: &mut GeneratedValues<F>) -> Result<()> {
        let inputs: Vec<F> = self.dependencies().into_iter().map(|t| witness.get_target(t)).collect();
        for (offset, value) in self.gadget.fill(&inputs).into_iter().enumerate() {
            let column = self.gadget.column(self.ops, self.op, inputs.len() + offset);
            out.set_target(Target::wire(self.row, column), value)?;
        }
        Ok(())
    }

    fn serialize(&self, _dst: &mut Vec<u8>, _common: &CommonCircuitData<F, D>) -> IoResult<()> {
        Err(IoError)
    }

    fn deserialize(_src: &mut Buffer<'_>, _common: &CommonCircuitData<F, D>) -> IoResult<Self> {
        Err(IoError)
    }
}

/// Lays operations of one gadget into rows.
#[derive(Debug)]
pub(crate) struct Rows<G> {
    gadget: G,
    row: usize,
    /// Operations of the last row, and how many of them are used.
    ops: usize,
    used: usize,
}

impl<G: Gadget> Rows<G> {
    /// No rows yet.
    pub(crate) fn new(gadget: G) -> Self {
        Self { gadget, row: 0, ops: 0, used: 0 }
    }

    /// Adds an operation on the inputs and returns its outputs.
    pub(crate) fn op(&mut self, builder: &mut Builder, inputs: &[Target]) -> Vec<Target> {
        debug_assert_eq!(inputs.len(), self.gadget.inputs());
        if self.used == self.ops {
            let gate = GadgetGate::new(self.gadget.clone(), builder.config.num_routed_wires);
            self.ops = gate.ops;
            self.row = builder.add_gate(gate, vec![]);
            self.used = 0;
        }
        let wire = |w| Target::wire(self.row, self.gadget.column(self.ops, self.used, w));
        for (w, &input) in inputs.iter().enumerate() {
            builder.connect(input, wire(w));
        }
        let outputs = (self.gadget.inputs()..self.gadget.routed()).map(wire).collect();
        self.used += 1;
        outputs
    }

    /// Fills the last row with operations that the gadget accepts.
    pub(crate) fn finish(mut self, builder: &mut Builder) {
        let filling: Vec<Target> =
            self.gadget.filling().into_iter().map(|input| builder.constant(input)).collect();
        while self.used < self.ops {
            self.op(builder, &filling);
        }
    }
}

/// Rows of gadgets of one kind with different parameters.
#[derive(Debug)]
pub(crate) struct Pool<G>(Vec<Rows<G>>);

impl<G: Gadget + PartialEq> Pool<G> {
    /// No rows yet.
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds an operation of a gadget and returns its outputs.
    pub(crate) fn op(&mut self, builder: &mut Builder, gadget: &G, inputs: &[Target]) -> Vec<Target> {
        let position = self.0.iter().position(|rows| rows.gadget == *gadget).unwrap_or_else(|| {
            self.0.push(Rows::new(gadget.clone()));
            self.0.len() - 1
        });
        self.0[position].op(builder, inputs)
    }

    /// Fills the last rows.
    pub(crate) fn finish(self, builder: &mut Builder) {
        self.0.into_iter().for_each(|rows| rows.finish(builder));
    }
}

/// The integer of a small field element that stands for a signed one: `(−p/2, p/2)`.
pub(crate) fn signed(x: F) -> i128 {
    use plonky2::field::types::PrimeField64;
    let value = i128::from(x.to_canonical_u64());
    let order = i128::from(sotto_types::GOLDILOCKS_ORDER);
    if value > order / 2 { value - order } else { value }
}

/// `count` base-4 limbs of the low bits of `value`, least first.
pub(crate) fn limbs(value: i128, count: usize) -> Vec<F> {
    (0..count).map(|i| F::from_canonical_u8((value >> (2 * i)).rem_euclid(4) as u8)).collect()
}

/// An integer as a field element.
pub(crate) fn element(value: i128) -> F {
    F::from_canonical_u64(value.rem_euclid(i128::from(sotto_types::GOLDILOCKS_ORDER)) as u64)
}

/// `2^exponent` as a field element.
pub(crate) fn power(exponent: u32) -> F {
    F::from_canonical_u64(1u64 << exponent)
}
