//! Folds, of values and of packed weights.

use plonky2::field::{
    extension::quadratic::QuadraticExtension,
    types::{Field, Sample},
};
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{fill, harness, packed, violated};
use crate::{
    field::F,
    gadgets::{
        fold::{MOST_TERMS, ValueFold, WeightFold, exponents},
        gate::power,
        pack::Pack,
    },
    parameters::from_signed,
};

/// What a chain of folds should give, term by term.
fn folded(point: &[F], acc: [F; 2], terms: &[F]) -> [F; 2] {
    let pair = |v: &[F]| QuadraticExtension([v[0], v[1]]);
    let (x, y) = (pair(&point[..2]), pair(&point[2..]));
    let sum = terms.iter().enumerate().fold(pair(&acc) * x.exp_u64(7), |sum, (i, &term)| {
        let (a, b) = exponents(i);
        sum + x.exp_u64(a as u64) * y.exp_u64(b as u64) * QuadraticExtension::from(term)
    });
    sum.0
}

// covers: Z11
#[test]
fn folds_give_every_term_a_monomial_of_its_own() {
    let mut seen = std::collections::BTreeSet::new();
    for step in 0..40 {
        for term in 0..MOST_TERMS {
            let (a, b) = exponents(term);
            assert!(a + b <= 7 && seen.insert((a + 7 * step, b)));
        }
    }
    let mut rng = StdRng::seed_from_u64(19);
    for count in [1, 7, 8, 14, 18, 30, MOST_TERMS] {
        let inputs: Vec<F> = (0..count + 6).map(|_| F::rand()).collect();
        let expected =
            folded(&inputs[count..count + 4], [inputs[count + 4], inputs[count + 5]], &inputs[..count]);
        assert_eq!(harness(&ValueFold { count }, &inputs, &mut rng), expected);
    }
}

// covers: Z11 M9
#[test]
fn folds_of_weights_read_packed_elements_and_refuse_others() {
    let mut rng = StdRng::seed_from_u64(20);
    for bits in [12, 18, 20, 22, 24] {
        let (gadget, pack) = (WeightFold { bits }, Pack::of(bits));
        let limit = 1i64 << (bits - 1);
        for draw in 0..3 {
            let weights: Vec<i64> = (0..gadget.terms())
                .map(|i| match draw {
                    0 => [-limit, limit - 1][i % 2],
                    _ => rng.gen_range(-limit..limit),
                })
                .collect();
            let mut inputs: Vec<F> = weights.chunks(pack.count).map(|chunk| packed(bits, chunk)).collect();
            let read: Vec<i64> = inputs.iter().flat_map(|&element| gadget.weights(element)).collect();
            assert_eq!(read, weights);
            inputs.extend((0..6).map(|_| F::rand()));
            let (point, acc) = inputs[gadget.elements()..].split_at(4);
            let terms: Vec<F> = weights.iter().map(|&w| from_signed(w)).collect();
            let expected = folded(point, [acc[0], acc[1]], &terms);
            assert_eq!(harness(&gadget, &inputs, &mut rng), expected);
            // An element past its range is read modulo that, which the packing refuses.
            let mut past = inputs.clone();
            past[1] += power(bits * pack.count as u32);
            assert!(violated(&gadget, &fill(&gadget, &past)), "{bits}");
        }
        assert!(gadget.weights(gadget.zeros()).all(|w| w == 0));
    }
}
