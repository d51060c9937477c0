//! Which features a model's inputs are, and the ranges in which they count.

use std::collections::BTreeMap;

use sotto_data::Table;
use sotto_model::{Decimals, FeatureCatalog, FeatureRange, NetworkInput, Unit};
use sotto_types::MARKET_FEATURES;

use super::form::Form;
use crate::commands::strategy::rows::feature_names;

/// Steps over the range of an input that stands for a raw feature.
const STEPS: f64 = (1u64 << 27) as f64;
/// Share of the data's range that is added on each side.
const MARGIN: f64 = 0.1;
/// Slot features that unnamed inputs can stand for, in this order, with the natural values of full range.
const SLOT_INPUTS: [(&str, [f64; 2]); 3] =
    [("slot.size", [-12.0, 20.0]), ("slot.deadline", [0.0, STEPS]), ("slot.limit", [-16.0, 16.0])];

/// Doublings of a feature's range that fit its integer, with room for rounding.
const WIDEST: f64 = 63.9;
/// log2 of a middling size in whole tokens, be they worth dollars or thousands.
const SIZE: f64 = 6.0;

/// What the user says of the inputs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wishes<'a> {
    /// `input=form`, the input being a column's name or position.
    pub(super) maps: &'a [String],
    /// How many of the last unnamed inputs are slot features.
    pub(super) slot_inputs: usize,
    pub(super) decimals: Decimals,
}

/// A mapping of every input.
#[derive(Debug, PartialEq)]
pub(super) struct Mapping {
    pub(super) inputs: Vec<NetworkInput>,
    pub(super) features: BTreeMap<String, FeatureRange>,
    /// Inputs that stand for market features by position, for want of names.
    pub(super) unnamed: usize,
}

/// Why inputs cannot be mapped.
#[derive(Debug, thiserror::Error, PartialEq)]
pub(super) enum MappingError {
    #[error("the data have {got} columns, the model has {expected} inputs")]
    Width { expected: usize, got: usize },
    #[error(
        "{inputs} inputs have no names, and there are only {features} features to stand for them: name the columns, or map inputs with --map"
    )]
    Features { inputs: usize, features: usize },
    #[error(
        "unknown columns: {}; map each with --map COLUMN=FEATURE. The market's features are {}",
        .names.join(", "), .known.join(", ")
    )]
    Unknown { names: Vec<String>, known: Vec<String> },
    #[error("--map {map}: {reason}")]
    Map { map: String, reason: &'static str },
    #[error("--slot-inputs: at most {limit}")]
    SlotInputs { limit: usize },
    #[error("feature {feature} lies between {} and {} in the data, more than an int32 holds", .range[0], .range[1])]
    Range { feature: String, range: [f64; 2] },
}

/// Least and greatest value of a column.
fn seen(table: &Table, column: usize) -> [f64; 2] {
    table.column(column).fold([f64::INFINITY, f64::NEG_INFINITY], |[lo, hi], x| [lo.min(x), hi.max(x)])
}

/// A range with a margin, which has width.
fn widened([lo, hi]: [f64; 2]) -> [f64; 2] {
    let margin = MARGIN * (hi - lo);
    let margin = if margin > 1e-9 * lo.abs().max(hi.abs()) { margin } else { (0.01 * lo.abs()).max(0.5) };
    [lo - margin, hi + margin]
}

/// Four significant digits, away from the range's middle.
fn rounded([lo, hi]: [f64; 2]) -> [f64; 2] {
    let unit = 10f64.powf((hi - lo).log10().floor() - 3.0);
    let tidy = |x: f64, round: fn(f64) -> f64| format!("{:.6e}", round(x / unit) * unit).parse().unwrap_or(x);
    let range = [tidy(lo, f64::floor), tidy(hi, f64::ceil)];
    if range[0] < range[1] { range } else { [lo, hi] }
}

/// Maps every column of the data to features.
pub(super) fn map(
    table: &Table,
    inputs: usize,
    catalog: &FeatureCatalog,
    wishes: &Wishes<'_>,
) -> Result<Mapping, MappingError> {
    if table.width() != inputs {
        return Err(MappingError::Width { expected: inputs, got: table.width() });
    }
    if wishes.slot_inputs > SLOT_INPUTS.len() {
        return Err(MappingError::SlotInputs { limit: SLOT_INPUTS.len() });
    }
    let forms = forms(table, catalog, wishes.maps)?;
    let unnamed: Vec<usize> = (0..inputs).filter(|&column| forms[column].is_none()).collect();
    let named = inputs - unnamed.len();
    if !table.names().is_empty() && named > 0 && !unnamed.is_empty() {
        let names = unnamed.iter().map(|&column| table.column_name(column)).collect();
        return Err(MappingError::Unknown { names, known: feature_names(catalog) });
    }
    let mut plan = Plan { table, catalog, wishes, features: BTreeMap::new() };
    let positions = plan.positions(&forms, &unnamed)?;
    let mut mapped = Vec::with_capacity(inputs);
    let mut positions = positions.into_iter();
    for (column, form) in forms.iter().enumerate() {
        let mut input = match form {
            Some(form) => plan.of_form(column, form)?,
            None => positions
                .next()
                .map(|name| plan.of_position(column, &name))
                .unwrap_or_else(|| plan.of_position(column, "market.0")),
        };
        input.name = table.names().get(column).filter(|name| is_plain(name)).cloned();
        mapped.push(input);
    }
    Ok(Mapping { inputs: mapped, features: plan.features, unnamed: unnamed.len() })
}

fn is_plain(name: &str) -> bool {
    name.len() <= 128 && !name.chars().any(char::is_control)
}

/// The form of each column: what `--map` says, or what its name says.
fn forms(
    table: &Table,
    catalog: &FeatureCatalog,
    maps: &[String],
) -> Result<Vec<Option<Form>>, MappingError> {
    let mut forms: Vec<Option<Form>> = (0..table.width())
        .map(|column| table.names().get(column).and_then(|name| Form::parse(name, catalog)))
        .collect();
    for map in maps {
        let refuse = |reason| MappingError::Map { map: map.clone(), reason };
        let (column, form) = map.split_once('=').ok_or_else(|| refuse("expected INPUT=FEATURE"))?;
        let by_name = table.names().iter().position(|name| name == column.trim());
        let place = by_name.or_else(|| column.trim().parse().ok()).filter(|&at| at < table.width());
        let place = place.ok_or_else(|| refuse("the data have no such column"))?;
        let form = Form::parse(form.trim(), catalog)
            .ok_or_else(|| refuse("expected a feature of the market, or a sum of features with factors"))?;
        forms[place] = Some(form);
    }
    Ok(forms)
}

/// The mapping so far.
struct Plan<'a> {
    table: &'a Table,
    catalog: &'a FeatureCatalog,
    wishes: &'a Wishes<'a>,
    features: BTreeMap<String, FeatureRange>,
}

impl Plan<'_> {
    /// Features for the columns without a form: market features by position that no form reads, then slot features.
    fn positions(&self, forms: &[Option<Form>], unnamed: &[usize]) -> Result<Vec<String>, MappingError> {
        let index = |name: &String| self.catalog.feature(name).map(|f| f.index).ok();
        let read: Vec<usize> =
            forms.iter().flatten().flat_map(|form| form.terms.keys().filter_map(index)).collect();
        let slot = self.wishes.slot_inputs.min(unnamed.len());
        let free =
            (0..MARKET_FEATURES).filter(|index| !read.contains(index)).map(|index| format!("market.{index}"));
        let market: Vec<String> = free.take(unnamed.len() - slot).collect();
        if market.len() + slot < unnamed.len() {
            let features = market.len() + slot;
            return Err(MappingError::Features { inputs: unnamed.len(), features });
        }
        let slots = SLOT_INPUTS.iter().take(slot).map(|(name, _)| (*name).to_owned());
        Ok(market.into_iter().chain(slots).collect())
    }

    /// An input that stands for a feature as such: the feature's full range is the data's.
    fn of_position(&mut self, column: usize, name: &str) -> NetworkInput {
        let [lo, hi] = rounded(widened(seen(self.table, column)));
        let [first, last] =
            SLOT_INPUTS.iter().find(|(n, _)| *n == name).map_or([0.0, STEPS], |(_, range)| *range);
        let scale = (last - first) / (hi - lo);
        self.features.insert(name.to_owned(), FeatureRange { range: [first, last] });
        let terms = BTreeMap::from([(name.to_owned(), 1.0)]);
        NetworkInput { name: None, terms, offset: first - lo * scale, scale, range: None }
    }

    /// An input whose form is known. Data in raw units are brought to natural ones by offset and scale.
    fn of_form(&mut self, column: usize, form: &Form) -> Result<NetworkInput, MappingError> {
        let seen = widened(seen(self.table, column));
        if let Some(name) = form.feature() {
            let unit = self.catalog.feature(name).map_or(Unit::Count, |f| f.unit);
            let raw =
                unit.steps() > 1.0 && self.table.column(column).all(|x| x.fract() == 0.0 && x.abs() > 4096.0);
            let (steps, shift) =
                if raw { (unit.steps(), unit.shift(self.wishes.decimals).0) } else { (1.0, 0.0) };
            let range =
                if name == "slot.direction" { [0.0, 1.0] } else { rounded(seen.map(|x| x / steps - shift)) };
            self.include(name, range)?;
            let terms = BTreeMap::from([(name.to_owned(), 1.0)]);
            return Ok(NetworkInput { name: None, terms, offset: -shift, scale: steps.recip(), range: None });
        }
        for name in form.terms.keys() {
            if !self.features.contains_key(name) {
                let column = self.table.names().iter().position(|column| column == name);
                let range = match column {
                    Some(column) => rounded(widened(self::seen(self.table, column))),
                    None => default_range(self.catalog, name, self.wishes.decimals),
                };
                self.include(name, range)?;
            }
        }
        let range = rounded(seen.map(|x| x - form.constant));
        let terms = form.terms.clone();
        Ok(NetworkInput { name: None, terms, offset: -form.constant, scale: 1.0, range: Some(range) })
    }

    /// Widens a feature's range.
    fn include(&mut self, name: &str, [lo, hi]: [f64; 2]) -> Result<(), MappingError> {
        let unit = self.catalog.feature(name).map_or(Unit::Count, |f| f.unit);
        let (base, quote) = unit.shift(self.wishes.decimals);
        let limits = [i32::MIN, i32::MAX].map(|x| f64::from(x) / unit.steps());
        if lo + base.min(quote) < limits[0] || hi + base.max(quote) > limits[1] {
            return Err(MappingError::Range { feature: name.to_owned(), range: [lo, hi] });
        }
        let known = self.features.entry(name.to_owned()).or_insert(FeatureRange { range: [lo, hi] });
        known.range = [known.range[0].min(lo), known.range[1].max(hi)];
        Ok(())
    }
}

/// Where a feature lies that the data do not show alone, in natural units.
fn default_range(catalog: &FeatureCatalog, name: &str, decimals: Decimals) -> [f64; 2] {
    match catalog.feature(name).map(|f| f.unit) {
        Ok(Unit::Price | Unit::Limit) => [-31.0, 31.0],
        Ok(Unit::Base | Unit::Quote) => [-20.0, 40.0],
        // Of either token, so that what their decimals differ by comes on top, and 64 doublings are all that fits.
        Ok(unit @ Unit::Sold) => {
            let (base, quote) = unit.shift(decimals);
            let half = (0.5 * (WIDEST - (base - quote).abs())).clamp(1.0, 30.0).floor();
            [SIZE - half, SIZE + half]
        }
        Ok(Unit::Log2) if name.ends_with("volatility") => [0.0, 1.0],
        Ok(Unit::Log2) => [0.0, 63.0],
        _ if name == "slot.direction" => [0.0, 1.0],
        _ if name.ends_with(".timestamp") || name == "slot.deadline" => [0.0, 2.0 * STEPS - 1.0],
        _ if name.starts_with("market.") => [0.0, STEPS],
        _ => [0.0, 86_400.0],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DECIMALS: Decimals = Decimals { base: 18, quote: 18 };

    fn wishes(maps: &[String], slot_inputs: usize) -> Wishes<'_> {
        Wishes { maps, slot_inputs, decimals: DECIMALS }
    }

    fn table(names: &[&str], rows: &[&[f64]]) -> Table {
        let names: Vec<String> = names.iter().map(|&n| n.to_owned()).collect();
        Table::new(names, rows[0].len(), rows.concat(), None).unwrap()
    }

    fn mapped(table: &Table, maps: &[String], slot_inputs: usize) -> Result<Mapping, MappingError> {
        map(table, table.width(), &FeatureCatalog::default(), &wishes(maps, slot_inputs))
    }

    #[test]
    fn unnamed_inputs_fill_the_integer_range_of_market_features() {
        let table = table(&[], &[&[-1.0, 100.0, 5.0], &[3.0, 200.0, 5.0]]);
        let mapping = mapped(&table, &[], 1).unwrap();
        assert_eq!(mapping.unnamed, 3);
        assert_eq!(mapping.features["market.0"].range, [0.0, STEPS]);
        assert_eq!(mapping.features["slot.size"].range, [-12.0, 20.0]);
        let NetworkInput { offset, scale, .. } = &mapping.inputs[0];
        let at = |raw: f64| (raw - offset) / scale;
        assert!(at(0.0) < -1.0 && at(0.0) > -2.0, "{}", at(0.0));
        assert!(at(STEPS) > 3.0 && at(STEPS) < 4.0, "{}", at(STEPS));
    }

    #[test]
    fn named_columns_are_features_and_forms() {
        let names = ["chainlink.price", "chainlink.price - uniswap-v2.price", "slot.direction"];
        let table = table(&names, &[&[11.0, -0.01, 0.0], &[11.5, 0.02, 1.0]]);
        let mapping = mapped(&table, &[], 0).unwrap();
        assert_eq!(mapping.unnamed, 0);
        assert_eq!(mapping.features.len(), 3);
        assert_eq!(mapping.features["slot.direction"].range, [0.0, 1.0]);
        assert_eq!(mapping.inputs[1].terms["uniswap-v2.price"], -1.0);
        assert!(mapping.inputs[1].range.is_some_and(|[lo, hi]| lo < -0.01 && hi > 0.02 && hi < 0.03));
    }

    #[test]
    fn sizes_that_the_data_show_in_sums_alone_fit_their_integers_whatever_the_decimals() {
        let table = table(&["slot.size - uniswap-v2.base-depth"], &[&[-9.0], &[-3.0]]);
        for (base, quote) in [(18, 6), (18, 18), (6, 18), (8, 8)] {
            let decimals = Decimals { base, quote };
            let wishes = Wishes { maps: &[], slot_inputs: 0, decimals };
            let [lo, hi] =
                map(&table, 1, &FeatureCatalog::default(), &wishes).unwrap().features["slot.size"].range;
            let doublings = hi - lo + f64::from(base.abs_diff(quote)) * 10f64.log2();
            assert!(lo <= 0.0 && hi >= 12.0 && doublings < 64.0, "{base} {quote}: {lo} to {hi}");
        }
    }

    #[test]
    fn a_form_that_the_user_gives_overrides_the_position() {
        let table = table(&["a", "b"], &[&[0.0, 1.0], &[1.0, 5.0]]);
        let maps = ["a=slot.direction".to_owned(), "1=slot.size".to_owned()];
        let mapping = mapped(&table, &maps, 0).unwrap();
        assert_eq!(mapping.inputs[0].terms["slot.direction"], 1.0);
        assert_eq!(mapping.inputs[1].terms["slot.size"], 1.0);
    }

    #[test]
    fn what_cannot_be_mapped_is_said_with_its_number() {
        let wide: Vec<f64> = (0..40).map(f64::from).collect();
        assert_eq!(
            mapped(&table(&[], &[&wide]), &[], 2),
            Err(MappingError::Features { inputs: 40, features: 34 })
        );
        let mixed = mapped(&table(&["slot.size", "mystery"], &[&[1.0, 2.0]]), &[], 0);
        assert!(matches!(mixed, Err(MappingError::Unknown { names, .. }) if names == ["mystery"]));
        let bad = ["7=slot.size".to_owned()];
        assert!(matches!(mapped(&table(&["a"], &[&[1.0]]), &bad, 0), Err(MappingError::Map { .. })));
        let short = map(&table(&[], &[&[1.0]]), 3, &FeatureCatalog::default(), &wishes(&[], 0));
        assert_eq!(short, Err(MappingError::Width { expected: 3, got: 1 }));
    }
}
