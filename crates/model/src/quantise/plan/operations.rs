//! The operations of a model's matrices, products, functions and output.

use super::*;

impl Builder<'_> {
    pub(super) fn linear(&mut self, matrix: usize, columns: &[Vec<usize>], activation: RealActivation) {
        let (real, frontend) = (self.real, self.frontend);
        let source = &real.matrices[matrix];
        let (rows, next) = (source.biases.len(), self.values.len());
        let steps = matches!(activation, RealActivation::AtLeastZero | RealActivation::AboveZero);
        let to_plan: Vec<Affine> = (next..next + rows).map(|v| self.row_affine(v, activation)).collect();
        let fixed: Vec<Option<f64>> = (next..next + rows)
            .map(|value| match self.classes.class(value).argument_of {
                _ if steps => Some(1.0),
                Some(_) => Some(ARGUMENT_SCALE),
                None => None,
            })
            .collect();
        let ranges: Vec<Range> = (0..columns.len() * rows)
            .map(|i| self.ranges[next + i].map(|x| to_plan[i % rows].apply(x)))
            .collect();
        let column = columns.first().map_or(&[][..], Vec::as_slice);
        let folds = self.folded && column.iter().any(|&v| v < real.inputs);
        // Folded inputs are no values of the plan.
        let affine = |&v: &usize| if folds { Affine::IDENTITY } else { self.classes.class(v).affine };
        let affine: Vec<Affine> = column.iter().map(affine).collect();
        let dead: Vec<bool> = (next..next + rows)
            .map(|v| activation == RealActivation::Relu && self.classes.class(v).range[1] <= 0.0)
            .collect();
        let build = || {
            let mut matrix = source.clone();
            let weights = matrix.weights.chunks_exact_mut(matrix.inputs.max(1));
            for (row, (weights, bias)) in weights.zip(&mut matrix.biases).enumerate() {
                for (w, from) in weights.iter_mut().zip(&affine) {
                    *bias += *w * from.shift;
                    *w *= from.factor * to_plan[row].factor;
                }
                *bias = to_plan[row].apply(*bias);
                if dead[row] {
                    weights.fill(0.0);
                    *bias = 0.0;
                }
            }
            if folds { front::fold(&matrix, frontend) } else { matrix }
        };
        let map = Map {
            key: Key::Model(matrix, activation as u8),
            activation: match activation {
                RealActivation::Identity => Activation::Signed,
                RealActivation::Relu => Activation::Relu,
                RealActivation::AtLeastZero | RealActivation::AboveZero => Activation::Step,
            },
            strict: activation == RealActivation::AboveZero,
            fixed: &fixed,
            matrix: &build,
        };
        let columns: Vec<Vec<ValueId>> = if folds {
            vec![(0..MODEL_FEATURES).collect()]
        } else {
            columns.iter().map(|column| column.iter().map(|&v| self.values[v]).collect()).collect()
        };
        let given: Vec<ValueId> =
            self.apply(&map, &columns, &ranges).into_iter().flat_map(|first| first..first + rows).collect();
        if steps {
            let count = given.len();
            self.take(&given, &vec![Kind::Bit; count], &vec![Affine::IDENTITY; count]);
        } else {
            self.values.extend(given);
        }
    }

    /// Compares inputs by the features that they are made of.
    pub(super) fn comparison(&mut self, matrix: usize, column: &[usize], activation: RealActivation) {
        let (real, frontend) = (self.real, self.frontend);
        let rows = real.matrices[matrix].biases.len();
        let build = || front::fold(&front::spread(&real.matrices[matrix], column, real.inputs), frontend);
        let map = Map {
            key: Key::Comparison(self.values.len()),
            activation: Activation::Step,
            strict: activation == RealActivation::AboveZero,
            fixed: &vec![Some(1.0); rows],
            matrix: &build,
        };
        let first = self.apply(&map, &[(0..MODEL_FEATURES).collect()], &vec![[0.0, 1.0]; rows]);
        let given: Vec<ValueId> = first.into_iter().flat_map(|first| first..first + rows).collect();
        self.take(&given, &vec![Kind::Bit; rows], &vec![Affine::IDENTITY; rows]);
    }

    /// From a value of the model, a row of a map, to the plan's.
    fn row_affine(&self, value: usize, activation: RealActivation) -> Affine {
        let class = self.classes.class(value);
        match (activation, class.argument_of) {
            (RealActivation::Identity, Some(function)) => {
                argument(function, self.classes.top(function, value))
            }
            (RealActivation::Identity, None) => {
                let Affine { factor, shift } = class.affine;
                Affine { factor: factor.recip(), shift: -shift / factor }
            }
            _ => Affine::IDENTITY,
        }
    }

    pub(super) fn product(&mut self, pairs: &[[usize; 2]]) {
        let next = self.values.len();
        let (mut given, mut kinds, mut affine) = (Vec::new(), Vec::new(), Vec::new());
        let places: Vec<[ValueId; 2]> = pairs.iter().map(|pair| pair.map(|v| self.values[v])).collect();
        for (position, (pair, places)) in pairs.iter().zip(&places).enumerate() {
            let factor = pair.map(|v| self.classes.class(v).affine.factor);
            let factor = factor[0] * factor[1];
            let range = self.ranges[next + position].map(|x| x / factor);
            given.push(self.plan.give(Format::SIGNED, range, None));
            affine.push(Affine { factor, shift: 0.0 });
            let formats = places.map(|value| self.plan.formats[value].magnitude());
            let mut kind = [0, 1].map(|i| (self.classes.id(pair[i]), formats[i]));
            kind.sort_unstable();
            kinds.push(Kind::Product(kind));
        }
        self.plan.ops.push(Op::Product { pairs: places });
        self.take(&given, &kinds, &affine);
    }

    pub(super) fn function(&mut self, function: Function, values: &[usize]) {
        let mut arguments: Vec<ValueId> = values.iter().map(|&v| self.values[v]).collect();
        let mut insert: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (position, &value) in values.iter().enumerate() {
            if self.classes.class(value).argument_of != Some(function) {
                insert.entry(self.classes.id(value)).or_default().push(position);
            }
        }
        let softplus = function == Function::Softplus;
        let mut excess = vec![0; values.len()];
        for (&class, positions) in &insert {
            let Some(&value) = positions.first().and_then(|&p| values.get(p)) else { continue };
            let from = self.classes.class(value).affine;
            let to = argument(function, self.classes.top(function, value));
            let map = Affine { factor: to.factor * from.factor, shift: to.apply(from.shift) };
            let key = Key::Argument(class, function);
            let places = self.one_to_one(key, map, Some(ARGUMENT_SCALE), false, positions, values);
            positions.iter().zip(places).for_each(|(&p, place)| arguments[p] = place);
            if softplus {
                let map = Affine { factor: from.factor, shift: from.shift - STEEP_TOP };
                let places = self.one_to_one(Key::Excess(class), map, None, true, positions, values);
                positions.iter().zip(places).for_each(|(&p, place)| excess[p] = place);
            }
        }
        let results: Vec<ValueId> = values
            .iter()
            .map(|&value| {
                let affine = result(function, self.classes.top(function, value));
                let next = self.ranges[value];
                let range = next.map(|x| (crate::exact(function, x) - affine.shift) / affine.factor);
                self.plan.give(
                    Format::POSITIVE,
                    [range[0].min(range[1]), range[0].max(range[1])],
                    Some(RESULT_SCALE),
                )
            })
            .collect();
        self.plan.ops.push(Op::Function { function, values: arguments });
        let affine: Vec<Affine> =
            values.iter().map(|&v| result(function, self.classes.top(function, v))).collect();
        if softplus {
            self.softplus(values, &results, &excess);
        } else {
            self.take(&results, &vec![Kind::Function(function); values.len()], &affine);
        }
    }

    /// Softplus from what its table gives, up to 12, and what exceeds 12.
    fn softplus(&mut self, values: &[usize], results: &[ValueId], excess: &[ValueId]) {
        let next = self.values.len();
        let factor = result(Function::Softplus, STEEP_TOP).factor;
        let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (position, &value) in values.iter().enumerate() {
            groups.entry(self.classes.id(value)).or_default().push(position);
        }
        let mut places = vec![0; values.len()];
        for (class, positions) in groups {
            let columns: Vec<_> = positions.iter().map(|&p| vec![results[p], excess[p]]).collect();
            let ranges: Vec<_> = positions.iter().map(|&p| self.ranges[next + p]).collect();
            let map = Map {
                key: Key::Softplus(class),
                activation: Activation::Signed,
                strict: false,
                fixed: &[None],
                matrix: &|| RealMatrix { inputs: 2, weights: vec![factor, 1.0], biases: vec![0.0] },
            };
            let firsts = self.apply(&map, &columns, &ranges);
            positions.iter().zip(firsts).for_each(|(&p, first)| places[p] = first);
        }
        self.values.extend(places);
    }

    /// Applies one affine map to some of the values, one by one. `positive` cuts off what is below zero.
    fn one_to_one(
        &mut self,
        key: Key,
        map: Affine,
        fixed: Option<f64>,
        positive: bool,
        positions: &[usize],
        values: &[usize],
    ) -> Vec<ValueId> {
        let columns: Vec<_> = positions.iter().map(|&p| vec![self.values[values[p]]]).collect();
        let ranges: Vec<Range> = columns
            .iter()
            .map(|column| {
                let range = column.first().map_or([0.0; 2], |&v| self.plan.ranges[v]).map(|x| map.apply(x));
                if positive { range.map(|x| x.max(0.0)) } else { range }
            })
            .collect();
        let dead = positive && ranges.iter().all(|range| range[1] <= 0.0);
        let map = if dead { Affine { factor: 0.0, shift: 0.0 } } else { map };
        let map = Map {
            key,
            activation: if positive { Activation::Relu } else { Activation::Signed },
            strict: false,
            fixed: &[fixed],
            matrix: &|| RealMatrix { inputs: 1, weights: vec![map.factor], biases: vec![map.shift] },
        };
        self.apply(&map, &columns, &ranges)
    }

    /// Takes values that are not rows of maps as the model's next, through one more map where their class has several
    /// sources.
    pub(super) fn take(&mut self, given: &[ValueId], kinds: &[Kind], affine: &[Affine]) {
        let next = self.values.len();
        let mut places = given.to_vec();
        let mut groups: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
        for (position, kind) in kinds.iter().enumerate() {
            if self.classes.class(next + position).requantise {
                let key = Key::Common(self.classes.id(next + position), *kind);
                groups.entry(key).or_default().push(position);
            }
        }
        for (key, positions) in groups {
            let columns: Vec<_> = positions.iter().map(|&p| vec![given[p]]).collect();
            let ranges: Vec<_> = positions.iter().map(|&p| self.ranges[next + p]).collect();
            let Affine { factor, shift } =
                positions.first().and_then(|&p| affine.get(p)).copied().unwrap_or(Affine::IDENTITY);
            let map = Map {
                key,
                activation: Activation::Signed,
                strict: false,
                fixed: &[None],
                matrix: &|| RealMatrix { inputs: 1, weights: vec![factor], biases: vec![shift] },
            };
            let firsts = self.apply(&map, &columns, &ranges);
            positions.iter().zip(firsts).for_each(|(&p, first)| places[p] = first);
        }
        self.values.extend(places);
    }

    pub(super) fn output(&mut self) {
        let (weights, bias) = &self.real.output_weights;
        let mut matrix =
            RealMatrix { inputs: self.real.output.len(), weights: weights.clone(), biases: vec![*bias] };
        let folds = self.folded && self.real.output.iter().any(|&v| v < self.real.inputs);
        let values: Vec<ValueId> = if self.real.output.is_empty() {
            // A constant reads all features and weighs none.
            (matrix.inputs, matrix.weights) = (MODEL_FEATURES, vec![0.0; MODEL_FEATURES]);
            (0..MODEL_FEATURES).collect()
        } else if folds {
            matrix = front::fold(&matrix, self.frontend);
            (0..MODEL_FEATURES).collect()
        } else {
            for (w, &value) in matrix.weights.iter_mut().zip(&self.real.output) {
                let Affine { factor, shift } = self.classes.class(value).affine;
                matrix.biases[0] += *w * shift;
                *w *= factor;
            }
            self.real.output.iter().map(|&v| self.values[v]).collect()
        };
        let index = self.plan.matrices.len();
        self.plan.output = OutputMap { matrix: index, values: values.clone() };
        let RealMatrix { inputs, weights, biases } = matrix;
        self.plan.matrices.push(PlanMatrix {
            inputs,
            weights,
            biases,
            activation: Activation::Output,
            strict: false,
            column: values,
            first: usize::MAX,
            origin: self.real.ops.len(),
        });
    }
}
