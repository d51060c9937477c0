//! The set of allowed sheet circuits: a Poseidon Merkle tree over their keys.

use plonky2::{
    field::types::{Field, PrimeField64},
    hash::{
        hash_types::{HashOut, HashOutTarget},
        hashing::PlonkyPermutation,
        merkle_tree::MerkleCap,
        poseidon::PoseidonHash,
    },
    iop::target::BoolTarget,
    plonk::{
        circuit_data::VerifierCircuitTarget,
        config::{AlgebraicHasher, Hasher},
    },
};
use serde::{Deserialize, Serialize};
use sotto_types::{Digest, GOLDILOCKS_ORDER, SLOTS, node_descriptor};

use crate::{
    CircuitError,
    field::{Builder, C, CAP_HEIGHT, F, Target, VerifierData},
    poseidon::{Domain, digest, hash, hash_targets},
};

/// Depth of the key set's tree: room for 256 keys.
pub const KEY_SET_DEPTH: usize = 8;

/// Ids up to this one are the null class and the levels of nodes; the registry takes no strategy of theirs.
const LAST_RESERVED_CLASS: u32 = 4;

/// The key of a sheet circuit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SheetKey {
    /// Descriptor of the class, such as `dense:36-32-16-1`.
    pub descriptor: String,
    /// Id of the class.
    pub class_id: u32,
    /// Slots that the leaf serves.
    pub capacity: usize,
    /// The circuit's digest; in files 64 hexadecimal digits, 16 for each element, which every language reads exactly.
    #[serde(with = "hex_hash")]
    pub digest: [u64; 4],
    /// The cap of its constants, 16 hashes.
    #[serde(with = "hex_hashes")]
    pub cap: Vec<[u64; 4]>,
}

/// A hash as 64 hexadecimal digits.
mod hex_hash {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn text(hash: &[u64; 4]) -> String {
        hash.iter().map(|element| format!("{element:016x}")).collect()
    }

    pub(super) fn parse(text: &str) -> Option<[u64; 4]> {
        let digits = text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let mut hash = [0; 4];
        for (i, element) in hash.iter_mut().enumerate() {
            *element = u64::from_str_radix(text.get(16 * i..16 * (i + 1))?, 16).ok()?;
        }
        digits.then_some(hash)
    }

    pub(super) fn serialize<S: Serializer>(hash: &[u64; 4], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&text(hash))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u64; 4], D::Error> {
        parse(&String::deserialize(from)?).ok_or_else(|| D::Error::custom("not 64 hexadecimal digits"))
    }
}

/// Hashes as strings of 64 hexadecimal digits.
mod hex_hashes {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(hashes: &[[u64; 4]], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(hashes.iter().map(super::hex_hash::text))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<[u64; 4]>, D::Error> {
        let hashes: Option<Vec<_>> =
            Vec::<String>::deserialize(from)?.iter().map(|text| super::hex_hash::parse(text)).collect();
        hashes.ok_or_else(|| D::Error::custom("not 64 hexadecimal digits"))
    }
}

fn elements(hash: &HashOut<F>) -> [u64; 4] {
    hash.elements.map(|e| e.to_canonical_u64())
}

fn hash_of(elements: [u64; 4]) -> HashOut<F> {
    HashOut { elements: elements.map(F::from_canonical_u64) }
}

impl SheetKey {
    pub(crate) fn new(descriptor: &str, class_id: u32, capacity: usize, key: &VerifierData<C>) -> Self {
        Self {
            descriptor: descriptor.to_owned(),
            class_id,
            capacity,
            digest: elements(&key.circuit_digest),
            cap: key.constants_sigmas_cap.0.iter().map(elements).collect(),
        }
    }

    /// What the proof system verifies under.
    pub fn verifier_data(&self) -> VerifierData<C> {
        VerifierData::<C> {
            constants_sigmas_cap: MerkleCap(self.cap.iter().copied().map(hash_of).collect()),
            circuit_digest: hash_of(self.digest),
        }
    }

    /// The key's leaf in the tree: class, digest and every element of the cap. The proof system takes digest and cap as
    /// independent inputs, so hashing the digest alone would admit any circuit.
    fn leaf(&self) -> HashOut<F> {
        let mut message = vec![F::from_canonical_u32(self.class_id)];
        message.extend(hash_of(self.digest).elements);
        message.extend(self.cap.iter().flat_map(|&entry| hash_of(entry).elements));
        hash(Domain::Key, &message)
    }

    fn check(&self, index: usize) -> Result<(), CircuitError> {
        let error = |what| Err(CircuitError::KeySet { what, index });
        if self.cap.len() != 1 << CAP_HEIGHT {
            return error("cap has another length");
        }
        if self.cap.iter().chain([&self.digest]).flatten().any(|&e| e >= GOLDILOCKS_ORDER) {
            return error("element not below the field order");
        }
        let node =
            (1..=LAST_RESERVED_CLASS).find(|&level| self.descriptor == node_descriptor(level as usize));
        if self.class_id != node.unwrap_or_else(|| sotto_types::class_id(&self.descriptor)) {
            return error("class id does not belong to the descriptor");
        }
        if node.is_none() && self.class_id <= LAST_RESERVED_CLASS {
            return error("class id is reserved");
        }
        if node.is_some() && self.capacity != SLOTS {
            return error("a seal has another capacity than a round");
        }
        Ok(())
    }
}

/// The allowed keys, by position in the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySet {
    keys: Vec<SheetKey>,
    /// Levels of the tree, leaves first.
    levels: Vec<Vec<HashOut<F>>>,
}

/// A key's path in the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyProof {
    /// Position of the key.
    pub index: usize,
    /// Siblings, leaf level first.
    pub siblings: Vec<Digest>,
}

impl KeySet {
    /// A set of these keys, in this order.
    ///
    /// # Errors
    /// When there are more than 256, one is malformed, or two are of one class and capacity or of two classes with one id:
    /// ids have 32 bits, and a strategy whose id stands for two shapes could be proven as either.
    pub fn new(keys: Vec<SheetKey>) -> Result<Self, CircuitError> {
        if keys.len() > 1 << KEY_SET_DEPTH {
            return Err(CircuitError::KeySet { what: "too many keys", index: keys.len() });
        }
        for (index, key) in keys.iter().enumerate() {
            key.check(index)?;
            let clashes = |other: &SheetKey| {
                other.class_id == key.class_id
                    && (other.descriptor != key.descriptor || other.capacity == key.capacity)
            };
            if keys.iter().take(index).any(clashes) {
                return Err(CircuitError::KeySet { what: "class and capacity are taken", index });
            }
        }
        let mut leaves: Vec<HashOut<F>> = keys.iter().map(SheetKey::leaf).collect();
        leaves.resize(1 << KEY_SET_DEPTH, HashOut::ZERO);
        let mut levels = vec![leaves];
        for depth in 0..KEY_SET_DEPTH {
            let parents = levels[depth]
                .chunks_exact(2)
                .map(|pair| PoseidonHash::two_to_one(pair[0], pair[1]))
                .collect();
            levels.push(parents);
        }
        Ok(Self { keys, levels })
    }

    /// The set that belongs to this version of the circuits, as committed in the repository.
    ///
    /// # Errors
    /// When the committed file is damaged.
    pub fn committed() -> Result<Self, CircuitError> {
        let keys = serde_json::from_str(include_str!("../keys/keys.json"))
            .map_err(|e| CircuitError::KeySet { what: "keys.json does not parse", index: e.line() })?;
        Self::new(keys)
    }

    /// The keys.
    pub fn keys(&self) -> &[SheetKey] {
        &self.keys
    }

    /// The key of a class and capacity.
    pub fn key(&self, class_id: u32, capacity: usize) -> Option<&SheetKey> {
        self.keys.iter().find(|key| key.class_id == class_id && key.capacity == capacity)
    }

    /// The keys of a class, by increasing capacity.
    pub fn keys_of(&self, class_id: u32) -> Vec<&SheetKey> {
        let mut keys: Vec<_> = self.keys.iter().filter(|key| key.class_id == class_id).collect();
        keys.sort_by_key(|key| key.capacity);
        keys
    }

    /// The tree's root, which a round pins.
    pub fn root(&self) -> Digest {
        self.levels.last().and_then(|level| level.first()).map_or_else(Digest::default, |&root| digest(root))
    }

    /// The path of a key.
    ///
    /// # Errors
    /// When the set does not hold it.
    pub fn proof(&self, key: &SheetKey) -> Result<KeyProof, CircuitError> {
        let leaf = key.leaf();
        let missing = CircuitError::KeyNotInSet { class_id: key.class_id };
        let index = self.keys.iter().position(|k| k.leaf() == leaf).ok_or(missing)?;
        let siblings = self.levels[..KEY_SET_DEPTH]
            .iter()
            .enumerate()
            .map(|(depth, level)| digest(level[(index >> depth) ^ 1]))
            .collect();
        Ok(KeyProof { index, siblings })
    }
}

/// Constrains `(class, key)` to be in the tree under `root`, at the position given by `bits` (lowest first).
pub(crate) fn constrain_membership(
    builder: &mut Builder,
    class: Target,
    key: &VerifierCircuitTarget,
    root: &[Target],
    bits: &[BoolTarget],
    siblings: &[HashOutTarget],
) {
    let mut message = vec![class];
    message.extend(key.circuit_digest.elements);
    message.extend(key.constants_sigmas_cap.0.iter().flat_map(|entry| entry.elements));
    let mut node = hash_targets(builder, Domain::Key, &message);
    let zero = builder.zero();
    for (&bit, sibling) in bits.iter().zip(siblings) {
        let mut input =
            <PoseidonHash as AlgebraicHasher<F>>::AlgebraicPermutation::new(std::iter::repeat(zero));
        input.set_from_slice(&node.elements, 0);
        input.set_from_slice(&sibling.elements, 4);
        let output = PoseidonHash::permute_swapped(input, bit, builder);
        node.elements.copy_from_slice(&output.squeeze()[..4]);
    }
    for (&got, &expected) in node.elements.iter().zip(root) {
        builder.connect(got, expected);
    }
}
