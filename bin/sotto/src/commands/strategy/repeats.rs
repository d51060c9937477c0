//! Operations that repeat, as recurrent models have them at each step, brought together for reading.

use sotto_model::OperationBounds;

/// Most operations of one step.
const LONGEST: usize = 64;

/// A step, and how often it is taken in a row. Its bounds hold for every time; what can saturate is counted over all.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Repeated {
    pub(super) times: usize,
    pub(super) operations: Vec<OperationBounds>,
}

/// Operations in order, those that repeat taken together: from each on, the step that leaves the fewest lines.
pub(super) fn repeated(operations: &[OperationBounds]) -> Vec<Repeated> {
    let mut out = Vec::new();
    let mut rest = operations;
    while !rest.is_empty() {
        let saved = |length: usize| (times(rest, length) - 1) * length;
        let best = (1..=LONGEST.min(rest.len())).rev().max_by_key(|&length| saved(length)).unwrap_or(1);
        let (length, times) = if saved(best) == 0 { (1, 1) } else { (best, times(rest, best)) };
        let (steps, tail) = rest.split_at(times * length);
        rest = tail;
        let (first, others) = steps.split_at(length);
        let mut operations = first.to_vec();
        for step in others.chunks_exact(length) {
            operations.iter_mut().zip(step).for_each(|(all, one)| include(all, one));
        }
        out.push(Repeated { times, operations });
    }
    out
}

/// How often the first `length` operations come in a row.
fn times(operations: &[OperationBounds], length: usize) -> usize {
    let (first, rest) = operations.split_at(length);
    let same = |step: &[OperationBounds]| step.iter().zip(first).all(|(a, b)| alike(a, b));
    1 + rest.chunks_exact(length).take_while(|step| same(step)).count()
}

fn alike(a: &OperationBounds, b: &OperationBounds) -> bool {
    (a.kind, a.values, a.parameters, a.limit_bits) == (b.kind, b.values, b.parameters, b.limit_bits)
}

fn include(all: &mut OperationBounds, one: &OperationBounds) {
    all.least = all.least.min(one.least);
    all.greatest = all.greatest.max(one.greatest);
    all.bits = all.bits.max(one.bits);
    all.can_saturate += one.can_saturate;
    all.never_active += one.never_active;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(kind: &'static str, greatest: i64) -> OperationBounds {
        let bits = 64 - greatest.leading_zeros();
        OperationBounds {
            kind,
            values: 4,
            parameters: 8,
            least: -greatest,
            greatest,
            bits,
            limit_bits: 40,
            can_saturate: 1,
            never_active: 0,
        }
    }

    #[test]
    fn steps_that_repeat_are_one_with_the_bounds_of_all() {
        let mut operations = vec![operation("wide", 1)];
        for step in 1..=16 {
            operations.extend([operation("signed", step), operation("sigmoid", 5), operation("product", 9)]);
        }
        operations.push(operation("output", 3));
        let found = repeated(&operations);
        assert_eq!(
            found.iter().map(|r| (r.times, r.operations.len())).collect::<Vec<_>>(),
            [(1, 1), (16, 3), (1, 1)]
        );
        let step = &found[1].operations;
        assert_eq!((step[0].least, step[0].greatest, step[0].bits, step[0].can_saturate), (-16, 16, 5, 16));
        assert_eq!((step[1].kind, step[1].greatest), ("sigmoid", 5));
    }

    #[test]
    fn operations_that_do_not_repeat_stay_as_they_are() {
        let mut other = operation("relu", 2);
        other.values = 5;
        let operations = [operation("relu", 2), other, operation("signed", 2), operation("output", 1)];
        let found = repeated(&operations);
        assert!(found.iter().all(|r| r.times == 1));
        assert_eq!(found.into_iter().flat_map(|r| r.operations).collect::<Vec<_>>(), operations);
        assert_eq!(repeated(&[]), []);
        let twice = repeated(&[operation("relu", 2), operation("relu", 3)]);
        assert_eq!((twice.len(), twice[0].times, twice[0].operations[0].greatest), (1, 2, 3));
    }
}
