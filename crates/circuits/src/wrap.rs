//! The wrap, profile `fast`: the proof that the chain verifies.

use plonky2::{
    field::types::{Field, PrimeField64},
    hash::hash_types::HashOutTarget,
    iop::{
        ext_target::ExtensionTarget,
        target::BoolTarget,
        witness::{PartialWitness, WitnessWrite},
    },
    plonk::{circuit_data::VerifierCircuitTarget, proof::ProofWithPublicInputsTarget},
    util::reducing::ReducingFactorTarget,
};
use sotto_types::{DATA_LIMBS, Digest, MARKET_FEATURES, PublicData, SHEETS, SLOTS};

use crate::{
    CircuitError, KeyProof, KeySet, Layer, SheetKey, SheetProof, SheetShape,
    commitments::{data_digest, extension, gamma},
    decode::{decode_proof, encode_proof},
    field::{
        Builder, C, CAP_HEIGHT, CircuitData, Common, D, F, KC, Proof, Target, VerifierData, wrap_config,
    },
    keys::{KEY_SET_DEPTH, constrain_membership},
    poseidon::{Domain, hash_out, hash_targets},
    sheet::SHEET_ELEMENTS,
};

/// Public inputs of the wrap: β (4), σ (2), γ (2).
pub const WRAP_PUBLIC_INPUTS: usize = 8;

/// The public inputs of a wrap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrapPublicInputs {
    /// Digest of the public data.
    pub beta: Digest,
    /// The challenge.
    pub sigma: [u64; 2],
    /// The public data's polynomial at the challenge.
    pub gamma: [u64; 2],
}

impl WrapPublicInputs {
    /// What a wrap of this data under this challenge shows.
    pub fn of(data: &PublicData, sigma: [u64; 2]) -> Self {
        Self { beta: data_digest(data), sigma, gamma: gamma(data, sigma) }
    }

    /// Refuses public inputs that show something else.
    pub(crate) fn check(&self, shown: &[F]) -> Result<(), CircuitError> {
        for (index, (expected, got)) in self.elements().into_iter().zip(shown).enumerate() {
            let got = got.to_canonical_u64();
            if expected != got {
                return Err(CircuitError::PublicInput { what: "wrap", index, expected, got });
            }
        }
        Ok(())
    }

    /// The eight elements, in order.
    pub fn elements(&self) -> [u64; WRAP_PUBLIC_INPUTS] {
        let [b0, b1, b2, b3] = self.beta.elements();
        let ([s0, s1], [g0, g1]) = (self.sigma, self.gamma);
        [b0, b1, b2, b3, s0, s1, g0, g1]
    }
}

/// Targets of the statement that every wrap proves.
#[derive(Debug)]
pub(crate) struct WrapTargets {
    inner: ProofWithPublicInputsTarget<D>,
    key: VerifierCircuitTarget,
    position: Vec<BoolTarget>,
    siblings: Vec<HashOutTarget>,
    data: Vec<Target>,
    sigma: ExtensionTarget<D>,
}

/// The wrap circuit: any allowed proof of the sheets' shape, bound to the public data.
#[derive(Debug)]
pub struct WrapCircuit {
    targets: WrapTargets,
    pub(crate) data: CircuitData<KC>,
    rows: usize,
}

/// A proof for the chain, of any profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrapProof(Proof<KC>);

impl WrapCircuit {
    /// Builds the circuit for the sheets' shape; seconds of work.
    ///
    /// # Errors
    /// None today; the signature leaves room for profiles with a pinned degree.
    pub fn build(shape: &SheetShape) -> Result<Self, CircuitError> {
        let mut builder = Builder::new(wrap_config());
        let targets = WrapTargets::constrain(&mut builder, shape);
        let rows = builder.num_gates();
        Ok(Self { targets, data: builder.build::<KC>(), rows })
    }

    /// Rows before padding.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// The circuit's shape, which a verifier is generated from.
    pub const fn common(&self) -> &Common {
        &self.data.common
    }

    /// The circuit's key.
    pub const fn verifier_data(&self) -> &VerifierData<KC> {
        &self.data.verifier_only
    }

    /// Wraps a sheet proof (or a merge of some) for the public data under the challenge.
    ///
    /// # Errors
    /// When the key is not in the set, or the proof does not show what the data says.
    pub fn prove(
        &self,
        proof: &SheetProof,
        key: &SheetKey,
        keys: &KeySet,
        data: &PublicData,
        sigma: [u64; 2],
    ) -> Result<WrapProof, CircuitError> {
        let witness = self.witness(proof, key, keys, data, sigma)?;
        self.data.prove(witness).map(WrapProof).map_err(|e| unprovable(&e))
    }

    /// What a prover needs of the circuit.
    pub const fn data(&self) -> &CircuitData<KC> {
        &self.data
    }

    /// The witness of these inputs.
    ///
    /// # Errors
    /// As [`Self::prove`], when the inputs have none.
    pub fn witness(
        &self,
        proof: &SheetProof,
        key: &SheetKey,
        keys: &KeySet,
        data: &PublicData,
        sigma: [u64; 2],
    ) -> Result<PartialWitness<F>, CircuitError> {
        let path = keys.proof(key)?;
        self.targets.assign(proof, &key.verifier_data(), &path, data, sigma).map_err(|e| unprovable(&e))
    }

    /// [`Self::prove`] with the key's path in the tree as given.
    #[cfg(test)]
    pub(crate) fn prove_at(
        &self,
        proof: &SheetProof,
        key: &VerifierData<C>,
        path: &KeyProof,
        data: &PublicData,
        sigma: [u64; 2],
    ) -> Result<WrapProof, CircuitError> {
        let witness = self.targets.assign(proof, key, path, data, sigma).map_err(|e| unprovable(&e))?;
        self.data.prove(witness).map(WrapProof).map_err(|e| unprovable(&e))
    }

    /// Verifies a proof against the data and challenge that it should show.
    ///
    /// # Errors
    /// When it is not valid, or shows something else.
    pub fn verify(&self, proof: &WrapProof, expected: &WrapPublicInputs) -> Result<(), CircuitError> {
        proof.verify(&self.data, expected)
    }

    /// Decodes a proof from outside: exact length, every element below the field order. It still has to be verified.
    ///
    /// # Errors
    /// When the bytes are not the canonical encoding of a proof.
    pub fn proof_from_bytes(&self, bytes: &[u8]) -> Result<WrapProof, CircuitError> {
        WrapProof::from_bytes(bytes, &self.data.common)
    }
}

impl WrapProof {
    /// A proof as the proof system made it; it still has to be verified.
    pub const fn new(proof: Proof<KC>) -> Self {
        Self(proof)
    }

    /// Decodes a proof of a circuit of this shape; it still has to be verified.
    pub(crate) fn from_bytes(bytes: &[u8], common: &Common) -> Result<Self, CircuitError> {
        decode_proof::<KC>(Layer::Wrap, bytes, common).map(Self)
    }

    /// Verifies it as a proof of a circuit that shows what is expected.
    pub(crate) fn verify(
        &self,
        circuit: &CircuitData<KC>,
        expected: &WrapPublicInputs,
    ) -> Result<(), CircuitError> {
        expected.check(&self.0.public_inputs)?;
        circuit
            .verify(self.0.clone())
            .map_err(|e| CircuitError::Invalid { layer: Layer::Wrap, reason: e.to_string() })
    }

    /// The proof system's encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode_proof(&self.0)
    }

    /// The proof system's view, for encoders.
    pub const fn inner(&self) -> &Proof<KC> {
        &self.0
    }
}

fn unprovable(error: &anyhow::Error) -> CircuitError {
    CircuitError::unprovable(Layer::Wrap, error)
}

/// Reads the public data's limbs in order.
struct Limbs<'a> {
    rest: &'a [Target],
}

impl<'a> Limbs<'a> {
    fn take(&mut self, count: usize) -> &'a [Target] {
        let (taken, rest) = self.rest.split_at(count);
        self.rest = rest;
        taken
    }

    /// A digest: four elements of two limbs each, upper limb first. The contract refuses digests with an element at the
    /// order or above, and its limbs equal these, so each element has one pair of limbs.
    fn digest(&mut self, builder: &mut Builder) -> Vec<Target> {
        let shift = F::from_canonical_u64(1 << 32);
        self.take(8).chunks(2).map(|pair| builder.mul_const_add(shift, pair[0], pair[1])).collect()
    }
}

impl WrapTargets {
    /// Verifies an allowed sheet, and binds it to the public data.
    pub(crate) fn constrain(builder: &mut Builder, shape: &SheetShape) -> Self {
        let inner = builder.add_virtual_proof_with_pis(&shape.0);
        let key = builder.add_virtual_verifier_data(CAP_HEIGHT);
        builder.verify_proof::<C>(&inner, &key, &shape.0);

        let data = builder.add_virtual_targets(DATA_LIMBS);
        let root = connect_data(builder, &data, &inner.public_inputs);
        let position: Vec<BoolTarget> =
            (0..KEY_SET_DEPTH).map(|_| builder.add_virtual_bool_target_safe()).collect();
        let siblings = builder.add_virtual_hashes(KEY_SET_DEPTH);
        constrain_membership(builder, inner.public_inputs[0], &key, &root, &position, &siblings);

        let beta = hash_targets(builder, Domain::Data, &data);
        let sigma = builder.add_virtual_extension_target();
        let gamma = ReducingFactorTarget::new(sigma).reduce_base(&data, builder);
        builder.register_public_inputs(&beta.elements);
        builder.register_public_inputs(&sigma.to_target_array());
        builder.register_public_inputs(&gamma.to_target_array());
        Self { inner, key, position, siblings, data, sigma }
    }

    pub(crate) fn assign(
        &self,
        proof: &SheetProof,
        key: &VerifierData<C>,
        path: &KeyProof,
        data: &PublicData,
        sigma: [u64; 2],
    ) -> anyhow::Result<PartialWitness<F>> {
        let mut witness = PartialWitness::new();
        witness.set_proof_with_pis_target(&self.inner, &proof.0)?;
        witness.set_verifier_data_target(&self.key, key)?;
        for (depth, &bit) in self.position.iter().enumerate() {
            witness.set_bool_target(bit, path.index >> depth & 1 == 1)?;
        }
        for (&target, &sibling) in self.siblings.iter().zip(&path.siblings) {
            witness.set_hash_target(target, hash_out(sibling))?;
        }
        let limbs: Vec<F> = data.limbs().into_iter().map(F::from_canonical_u32).collect();
        witness.set_target_arr(&self.data, &limbs)?;
        witness.set_extension_target(self.sigma, extension(sigma))?;
        Ok(witness)
    }
}

/// Constrains the inner proof's public inputs to what the data says, and returns the key-set root.
fn connect_data(builder: &mut Builder, data: &[Target], inner: &[Target]) -> Vec<Target> {
    let mut limbs = Limbs { rest: data };
    let round_id = limbs.take(8);
    let root = limbs.digest(builder);
    let round_rest = limbs.take(MARKET_FEATURES + 12 * SLOTS);
    let message: Vec<Target> = round_id.iter().chain(round_rest).copied().collect();
    let round = hash_targets(builder, Domain::Round, &message);

    let mut expected = round.elements.to_vec();
    expected.extend(&root);
    let claims = limbs.take(3 * SLOTS);
    expected.extend((0..3).flat_map(|field| claims.iter().skip(field).step_by(3)));
    for _ in 0..SHEETS {
        expected.extend(limbs.take(1));
        expected.extend(limbs.digest(builder));
        expected.extend(limbs.digest(builder));
    }
    debug_assert_eq!(expected.len() + 1, inner.len());
    for (&shown, expected) in inner[1..].iter().zip(expected) {
        builder.connect(shown, expected);
    }
    root
}

const _: () = assert!(SHEET_ELEMENTS == 9);
