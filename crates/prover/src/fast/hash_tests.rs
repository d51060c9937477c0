//! Hashes and trees of every backend against plonky2's.

use plonky2::{
    field::{
        goldilocks_field::GoldilocksField as F,
        types::{Field, PrimeField64, Sample},
    },
    hash::{
        hashing::PlonkyPermutation,
        merkle_tree::MerkleTree,
        poseidon::{PoseidonHash, PoseidonPermutation},
    },
    iop::challenger::Challenger,
    plonk::config::GenericHashOut,
};

use sotto_circuits::evm_hash::EvmHash;

use super::{
    Backend, FastHash, Leaves, build_tree_from_leaf_digests, grind, hash_columns, hash_leaves,
    leaves::{gather, scatter},
    merkle_tree, poseidon,
    simd::{Kernel, Simd, tests::samples},
};

/// Permutes states, one per lane.
struct Permute<'a>(&'a [[u64; 12]]);

impl Kernel for Permute<'_> {
    type Output = Vec<[u64; 12]>;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> Vec<[u64; 12]> {
        let mut out = self.0.to_vec();
        for block in out.chunks_mut(S::LANES) {
            let last = block.len() - 1;
            let mut state = core::array::from_fn(|i| gather(s, |lane| block[lane.min(last)][i]));
            poseidon::permute(s, &mut state);
            for (i, x) in state.into_iter().enumerate() {
                for (output, word) in block.iter_mut().zip(scatter(s, x)) {
                    output[i] = word;
                }
            }
        }
        out
    }
}

/// States of edges: each edge everywhere, each edge next to random words; then random states.
fn states() -> Vec<[u64; 12]> {
    let words = samples(2000);
    let constant = words[..15].iter().map(|&word| [word; 12]);
    let shifted = (0..words.len() - 12).map(|i| core::array::from_fn(|k| words[i + k]));
    let scattered =
        (0..500).map(|i| core::array::from_fn(|k| words[if (i + k) % 3 == 0 { i % 15 } else { i + 20 * k }]));
    constant.chain(shifted).chain(scattered).collect()
}

#[test]
fn poseidon_permutes_as_plonky2_does() {
    let states = states();
    for backend in Backend::available() {
        let outputs = backend.run(Permute(&states));
        for (state, output) in states.iter().zip(outputs) {
            let mut expected = PoseidonPermutation::new(state.map(F));
            expected.permute();
            assert_eq!(expected.as_ref(), output.map(F), "{} of {state:x?}", backend.name());
        }
    }
}

fn rows(count: usize, width: usize) -> Vec<Vec<F>> {
    let words = samples(count * width);
    (0..count).map(|i| (0..width).map(|k| F(words[i * width + k])).collect()).collect()
}

fn trees_equal_plonky2s<H: FastHash>() {
    for (bits, cap_height, width) in [
        (0, 0, 5),
        (1, 0, 7),
        (1, 1, 8),
        (2, 0, 1),
        (3, 1, 3),
        (3, 3, 4),
        (4, 2, 135),
        (5, 4, 9),
        (6, 0, 17),
        (9, 4, 153),
        (10, 0, 16),
        (11, 3, 2),
        (11, 4, 33),
    ] {
        let leaves = rows(1 << bits, width);
        let expected = MerkleTree::<F, H>::new(leaves.clone(), cap_height);
        let columns: Vec<Vec<F>> = (0..width).map(|k| leaves.iter().map(|row| row[k]).collect()).collect();
        let columns: Vec<&[F]> = columns.iter().map(Vec::as_slice).collect();
        let elements: Vec<F> = leaves.iter().flatten().copied().collect();
        for backend in Backend::available() {
            let case = format!("{} 2^{bits} leaves of {width}, cap {cap_height}", backend.name());
            let tree = merkle_tree::<H>(backend, leaves.clone(), cap_height);
            assert_eq!(tree, expected, "{case}");
            let digests = hash_columns::<H>(backend, &columns);
            assert_eq!(digests, hash_leaves::<H>(backend, &Leaves::Rows { elements: &elements, width }));
            let bytes = |digest: &H::Hash| digest.to_bytes();
            assert_eq!(
                digests.iter().map(bytes).collect::<Vec<_>>(),
                leaves.iter().map(|row| H::hash_or_noop(row).to_bytes()).collect::<Vec<_>>()
            );
            let (inner, cap) = build_tree_from_leaf_digests::<H>(backend, digests, cap_height);
            assert_eq!((inner, cap), (expected.digests.clone(), expected.cap.clone()), "{case}");
        }
    }
}

#[test]
fn keccak_trees_equal_the_hashers() {
    trees_equal_plonky2s::<EvmHash>();
}

/// What `fri_proof_of_work` asks of a challenger after these observations, for each number of buffered inputs.
fn ground_witnesses_satisfy_plonky2s_challenger<H: FastHash>() {
    let rate = H::Permutation::RATE;
    // Keccak's blocks end behind 13 and 30 inputs.
    for buffered in (0..8).chain([12, 13, 29, 30, 63]).filter(|&buffered| buffered < rate) {
        let observed = F::rand_vec(rate);
        let mut challenger = Challenger::<F, H>::new();
        challenger.observe_elements(&observed);
        // So many observations permute, so the state is known, and the rest stays buffered.
        let mut state = challenger.clone().compact();
        let inputs = F::rand_vec(buffered);
        challenger.observe_elements(&inputs);
        state.set_from_slice(&inputs, 0);
        let mut witnesses = Vec::new();
        for backend in Backend::available() {
            let Some(witness) = grind::<H>(backend, &state, buffered, 9) else { panic!("no witness") };
            let mut challenger = challenger.clone();
            challenger.observe_element(witness);
            assert!(challenger.get_challenge().to_canonical_u64().leading_zeros() >= 9);
            witnesses.push(witness.to_canonical_u64());
        }
        let accepts = |candidate: u64| {
            let mut challenger = challenger.clone();
            challenger.observe_element(F(candidate));
            challenger.get_challenge().to_canonical_u64().leading_zeros() >= 9
        };
        let least = (0..).find(|&candidate| accepts(candidate));
        assert!(witnesses.into_iter().all(|witness| Some(witness) == least), "the least witness");
    }
}

#[test]
fn poseidon_witnesses_satisfy_plonky2s_challenger() {
    ground_witnesses_satisfy_plonky2s_challenger::<PoseidonHash>();
}

#[test]
fn keccak_witnesses_satisfy_plonky2s_challenger() {
    ground_witnesses_satisfy_plonky2s_challenger::<EvmHash>();
}

#[test]
fn a_range_without_a_witness_gives_none() {
    let state = PoseidonPermutation::new([F::ONE; 12]);
    for backend in Backend::available() {
        assert_eq!(PoseidonHash::grind_range(backend, &state, 0, 64, 5, 11), None);
        // Every candidate is a witness of no work; the range's ends are respected.
        assert_eq!(PoseidonHash::grind_range(backend, &state, 0, 0, 5, 1), Some(5));
        assert_eq!(PoseidonHash::grind_range(backend, &state, 0, 0, 5, 0), None);
    }
}

#[test]
fn poseidon_trees_equal_plonky2s() {
    trees_equal_plonky2s::<PoseidonHash>();
}
