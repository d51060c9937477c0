//! `strategy.toml`: what a strategy reads, how its model's output becomes a quote, and which file the model is.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};
use sotto_types::{MAX_NO_BID_PIPS, Quote, SLOTS};

use crate::{Calibration, Decimals, MarketLayout, ModelError, OutputChoice, Policy, TreeTable};

/// Largest manifest that is parsed, in bytes.
const MAX_MANIFEST_BYTES: usize = 256 << 10;
/// Most inputs of a network.
const MAX_INPUTS: usize = 256;

/// A checked `strategy.toml`.
///
/// Natural units: prices, depths and sizes are log2 of whole tokens, the tokens' decimals being given under `[tokens]`;
/// ages and times are in the feed's unit (seconds, or milliseconds for the block interval).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Manifest {
    /// Name of the strategy.
    pub name: String,
    /// The market that it is for, which gives features their names.
    #[serde(default)]
    pub market: MarketLayout,
    /// The model file and its hash.
    pub model: ModelFile,
    /// Decimals of the market's tokens.
    pub tokens: Tokens,
    /// What the network's output means.
    pub output: Output,
    /// How outputs become quotes.
    pub policy: PolicyTable,
    /// Range of each feature that is read, by `feed.feature`. Values outside saturate.
    pub features: BTreeMap<String, FeatureRange>,
    /// Sizes of trees, so that a re-trained model stays in its class.
    pub shape: Option<TreeTable>,
    /// What was seen inside the network on data.
    pub calibration: Option<Calibration>,
    /// The network's inputs, in its order.
    #[serde(rename = "input")]
    pub inputs: Vec<NetworkInput>,
}

/// The model file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ModelFile {
    /// Name of the ONNX file, next to the manifest.
    pub file: String,
    /// keccak256 of its bytes.
    pub keccak256: B256,
}

/// Decimals of the market's tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Tokens {
    /// Of the base token.
    pub base_decimals: u8,
    /// Of the quote token.
    pub quote_decimals: u8,
}

/// What the network's output means.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Output {
    /// Unit of the scaled output.
    pub unit: OutputUnit,
    /// Units in one of the network's output.
    pub scale: f64,
    /// Which number of the outputs counts, where there are several: of a classifier the position of a class or `"label"`.
    pub choice: Option<Choice>,
}

impl Output {
    /// Pips in one of the network's output.
    pub fn pips(&self) -> f64 {
        self.scale * self.unit.pips()
    }
}

/// Which number of a model's outputs is the one that counts, where there are several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Choice {
    /// A classifier's score or probability of the class at this position.
    Score(usize),
    /// The score of the class of this name, or with `"label"` the classifier's label.
    Name(String),
    /// A number of a named output.
    Element(ElementChoice),
}

/// A number of a named output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ElementChoice {
    /// Name of the output.
    pub output: String,
    /// Position, row-major.
    #[serde(default)]
    pub position: usize,
}

impl Output {
    /// The choice, in the words of [`lower`](crate::lower), for a model with these classes.
    ///
    /// # Errors
    /// For a class that the model does not have.
    pub fn output_choice(&self, classes: &[String]) -> Result<OutputChoice, ModelError> {
        Ok(match &self.choice {
            None => OutputChoice::Single,
            Some(Choice::Score(class)) => OutputChoice::Score(*class),
            Some(Choice::Name(name)) => match classes.iter().position(|class| class == name) {
                Some(position) => OutputChoice::Score(position),
                None if name == "label" => OutputChoice::Label,
                None => {
                    let expected = "the position or name of a class, \"label\", or an output with a position";
                    return Err(ModelError::ManifestValue { key: "output.choice".to_owned(), expected });
                }
            },
            Some(Choice::Element(ElementChoice { output, position })) => {
                OutputChoice::Element { output: output.clone(), position: *position }
            }
        })
    }
}

/// Units of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum OutputUnit {
    /// 1e-6 of improvement on the reference price for the trader.
    Pips,
    /// 1e-4 of it.
    Bps,
    /// The improvement as a share of the price.
    Fraction,
}

impl OutputUnit {
    /// Pips in one unit.
    pub const fn pips(self) -> f64 {
        match self {
            Self::Pips => 1.0,
            Self::Bps => 100.0,
            Self::Fraction => 1e6,
        }
    }

    /// Its name in a manifest.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pips => "pips",
            Self::Bps => "bps",
            Self::Fraction => "fraction",
        }
    }
}

/// How outputs become quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PolicyTable {
    /// Least quote in pips.
    pub min_quote: Quote,
    /// Greatest quote in pips.
    pub max_quote: Quote,
    /// Most bids in one direction of a round.
    pub max_slots: u8,
}

/// Range of a feature in natural units.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FeatureRange {
    /// Least and greatest value.
    pub range: [f64; 2],
}

/// One input of the network: `(Σ factor · feature − offset) / scale`, a linear map that quantisation folds into the
/// first layer.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NetworkInput {
    /// Name for people.
    pub name: Option<String>,
    /// Factor of each feature, by `feed.feature`.
    pub terms: BTreeMap<String, f64>,
    /// Subtracted from the sum.
    #[serde(default)]
    pub offset: f64,
    /// Divides the difference.
    pub scale: f64,
    /// Where the sum is expected to lie, before offset and scale; tighter than what the features' ranges imply. Hidden
    /// channels saturate beyond what these ranges allow.
    pub range: Option<[f64; 2]>,
}

impl Manifest {
    /// Parses and checks a manifest.
    ///
    /// # Errors
    /// For text that is not TOML, unknown or missing keys, and values out of range.
    pub fn parse(text: &str) -> Result<Self, ModelError> {
        if text.len() > MAX_MANIFEST_BYTES {
            let (got, limit) = (text.len(), MAX_MANIFEST_BYTES);
            return Err(ModelError::TooLarge { what: "strategy.toml bytes", got, limit });
        }
        let manifest: Self =
            toml::from_str(text).map_err(|e| ModelError::Manifest { reason: e.to_string() })?;
        manifest.check()?;
        Ok(manifest)
    }

    /// The policy.
    pub const fn policy(&self) -> Policy {
        let PolicyTable { min_quote, max_quote, max_slots } = self.policy;
        Policy { min_quote, max_quote, max_slots }
    }

    /// Decimals of the market's tokens.
    pub const fn decimals(&self) -> Decimals {
        Decimals { base: self.tokens.base_decimals, quote: self.tokens.quote_decimals }
    }

    /// Checks every value, as [`Manifest::parse`] does.
    ///
    /// # Errors
    /// For values out of range.
    pub fn check(&self) -> Result<(), ModelError> {
        require(
            is_plain_name(&self.name),
            "name",
            "1 to 64 letters, digits, `-`, `_` or `.`, not starting with `.`",
        )?;
        require(
            is_plain_name(&self.model.file),
            "model.file",
            "the plain name of a file next to strategy.toml",
        )?;
        let decimals = self.tokens.base_decimals.max(self.tokens.quote_decimals);
        require(decimals <= 36, "tokens", "at most 36 decimals")?;
        require(is_factor(self.output.scale), "output.scale", "a finite number other than zero")?;
        require(self.output.pips().is_finite(), "output.scale", "a finite number of pips")?;
        let PolicyTable { min_quote, max_quote, max_slots } = self.policy;
        require(min_quote <= max_quote, "policy", "min-quote at most max-quote")?;
        require(min_quote > MAX_NO_BID_PIPS, "policy.min-quote", "above -1000000, which is no bid")?;
        require((1..=SLOTS).contains(&usize::from(max_slots)), "policy.max-slots", "1 to 32")?;
        require((1..=MAX_INPUTS).contains(&self.inputs.len()), "input", "1 to 256 inputs")?;
        for (name, feature) in &self.features {
            let key = format!("features.\"{name}\".range");
            require(is_range(feature.range), &key, "two finite numbers in increasing order")?;
            let used = self.inputs.iter().any(|i| i.terms.contains_key(name));
            require(used, &key, "a feature that some input reads")?;
        }
        let sound = self.calibration.as_ref().is_none_or(Calibration::is_sound);
        require(sound, "calibration", "finite numbers, the least at most the greatest")?;
        self.inputs.iter().enumerate().try_for_each(|(position, input)| self.check_input(position, input))
    }

    fn check_input(&self, position: usize, input: &NetworkInput) -> Result<(), ModelError> {
        let key = |what: &str| format!("input {position}: {what}");
        require(!input.terms.is_empty(), &key("terms"), "at least one feature")?;
        for (name, factor) in &input.terms {
            require(factor.is_finite(), &key(name), "a finite factor")?;
            require(self.features.contains_key(name), &key(name), "a feature with a range under [features]")?;
        }
        let name = input.name.as_ref();
        let plain = name.is_none_or(|n| (1..=128).contains(&n.len()) && !n.chars().any(char::is_control));
        require(plain, &key("name"), "1 to 128 bytes without control characters")?;
        require(input.offset.is_finite(), &key("offset"), "a finite number")?;
        require(is_factor(input.scale), &key("scale"), "a finite number other than zero")?;
        require(input.range.is_none_or(is_range), &key("range"), "two finite numbers in increasing order")
    }
}

fn require(holds: bool, key: &str, expected: &'static str) -> Result<(), ModelError> {
    if holds { Ok(()) } else { Err(ModelError::ManifestValue { key: key.to_owned(), expected }) }
}

fn is_factor(x: f64) -> bool {
    x.is_finite() && x != 0.0 && x.recip().is_finite()
}

fn is_range([lo, hi]: [f64; 2]) -> bool {
    lo.is_finite() && hi.is_finite() && lo < hi
}

/// A name that is one path component and is not hidden.
fn is_plain_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && !name.starts_with('.')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}
