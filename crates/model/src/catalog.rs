//! Names, positions and units of the features that a market records.

use serde::{Deserialize, Serialize};
use sotto_types::{LOG2_FRACTION_BITS, MARKET_FEATURES, SlotFeature};

use crate::ModelError;

/// Features of the default market: a Uniswap V2 feed, a Chainlink feed and the chain feed, in this order. A market lists
/// its own with `Markets.featureNames`.
pub const DEFAULT_MARKET: [&str; 11] = [
    "uniswap-v2.price",
    "uniswap-v2.price-recent",
    "uniswap-v2.volatility",
    "uniswap-v2.base-depth",
    "uniswap-v2.quote-depth",
    "uniswap-v2.age",
    "chainlink.price",
    "chainlink.age",
    "chain.base-fee",
    "chain.block-interval",
    "chain.timestamp",
];

/// Features of a market with a Uniswap V3 feed, a Chainlink feed and the chain feed, in this order.
///
/// `uniswap-v3.tick-0` (the oldest) to `uniswap-v3.tick-15` (the newest) are the time-weighted mean ticks of 16 consecutive
/// windows of equal length that end before the round's block, as log2 of the price (22 fraction bits, in raw token units):
/// `tick · log2 1.0001`. `price` is the time-weighted mean over all of them, `price-recent` over the last one,
/// `volatility` the mean absolute difference of neighbouring windows, `depth` log2 of the liquidity in range, `age` the
/// seconds since the newest observation.
pub const V3_MARKET: [&str; 26] = [
    "uniswap-v3.tick-0",
    "uniswap-v3.tick-1",
    "uniswap-v3.tick-2",
    "uniswap-v3.tick-3",
    "uniswap-v3.tick-4",
    "uniswap-v3.tick-5",
    "uniswap-v3.tick-6",
    "uniswap-v3.tick-7",
    "uniswap-v3.tick-8",
    "uniswap-v3.tick-9",
    "uniswap-v3.tick-10",
    "uniswap-v3.tick-11",
    "uniswap-v3.tick-12",
    "uniswap-v3.tick-13",
    "uniswap-v3.tick-14",
    "uniswap-v3.tick-15",
    "uniswap-v3.price",
    "uniswap-v3.price-recent",
    "uniswap-v3.volatility",
    "uniswap-v3.depth",
    "uniswap-v3.age",
    "chainlink.price",
    "chainlink.age",
    "chain.base-fee",
    "chain.block-interval",
    "chain.timestamp",
];

/// Markets whose features are known by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum MarketLayout {
    /// [`DEFAULT_MARKET`].
    #[default]
    #[serde(rename = "uniswap-v2")]
    UniswapV2,
    /// [`V3_MARKET`].
    #[serde(rename = "uniswap-v3")]
    UniswapV3,
}

impl MarketLayout {
    /// Its name in a manifest.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UniswapV2 => "uniswap-v2",
            Self::UniswapV3 => "uniswap-v3",
        }
    }

    /// Its features.
    pub fn catalog(self) -> FeatureCatalog {
        let names: &[&str] = match self {
            Self::UniswapV2 => &DEFAULT_MARKET,
            Self::UniswapV3 => &V3_MARKET,
        };
        FeatureCatalog { market: names.iter().map(|&name| name.to_owned()).collect() }
    }
}

/// Prefix of names by position: `market.7` is the market feature at index 7, in its raw integer units.
const BY_POSITION: &str = "market.";

/// Features of a slot, in the order of [`SlotFeature`].
const SLOT: [&str; 4] = ["slot.direction", "slot.size", "slot.deadline", "slot.limit"];

/// What one unit of a feature means, and how it depends on the decimals of the pair's tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unit {
    /// log2 of quote per base; a natural value is in whole tokens.
    Price,
    /// log2 of an amount of base; a natural value is in whole tokens.
    Base,
    /// log2 of an amount of quote; a natural value is in whole tokens.
    Quote,
    /// log2 of an amount of the token sold, base or quote by the slot's direction; a natural value is in whole tokens.
    Sold,
    /// log2 of bought per sold by the slot's direction; a natural value is in whole tokens.
    Limit,
    /// log2 of something without decimals.
    Log2,
    /// A count: seconds, milliseconds, a flag; and raw integer units of any feature that is named by its position.
    Count,
}

impl Unit {
    /// The unit of a feed's feature, by the names that feeds use.
    fn of_market_feature(feature: &str) -> Self {
        match feature {
            "price" => Self::Price,
            _ if feature.starts_with("price-") || feature.starts_with("tick-") => Self::Price,
            "base-depth" => Self::Base,
            "quote-depth" => Self::Quote,
            "volatility" | "base-fee" | "depth" => Self::Log2,
            _ => Self::Count,
        }
    }

    /// Raw units in one natural unit.
    pub fn steps(self) -> f64 {
        match self {
            Self::Count => 1.0,
            _ => f64::from(1 << LOG2_FRACTION_BITS),
        }
    }

    /// The raw value less the natural one, in natural units, for a slot that sells base (first) and one that sells quote
    /// (second).
    pub fn shift(self, decimals: Decimals) -> (f64, f64) {
        let bits = |d: i32| f64::from(d) * std::f64::consts::LOG2_10;
        let (base, quote) = (i32::from(decimals.base), i32::from(decimals.quote));
        match self {
            Self::Price => (bits(quote - base), bits(quote - base)),
            Self::Base => (bits(base), bits(base)),
            Self::Quote => (bits(quote), bits(quote)),
            Self::Sold => (bits(base), bits(quote)),
            Self::Limit => (bits(quote - base), bits(base - quote)),
            Self::Log2 | Self::Count => (0.0, 0.0),
        }
    }
}

/// Decimals of a pair's tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimals {
    /// Of the base token, at most 36.
    pub base: u8,
    /// Of the quote token, at most 36.
    pub quote: u8,
}

/// A feature's place among a model's inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feature {
    /// Index: the market's features from 0, the slot's from 32.
    pub index: usize,
    /// Unit.
    pub unit: Unit,
}

/// The features of one market, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureCatalog {
    market: Vec<String>,
}

impl Default for FeatureCatalog {
    /// The features of [`DEFAULT_MARKET`].
    fn default() -> Self {
        MarketLayout::default().catalog()
    }
}

impl FeatureCatalog {
    /// A catalogue of the names that a market lists (`feed.feature`), in its order; empty names at the end are unused.
    ///
    /// # Errors
    /// For more than 32 names, and for a name that occurs twice.
    pub fn new<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Result<Self, ModelError> {
        let mut market: Vec<String> = Vec::new();
        for name in names.into_iter().map(Into::into) {
            if market.len() == MARKET_FEATURES {
                let got = MARKET_FEATURES + 1;
                return Err(ModelError::TooLarge { what: "market features", got, limit: MARKET_FEATURES });
            }
            if !name.is_empty()
                && (market.contains(&name) || SLOT.contains(&name.as_str()) || name.starts_with(BY_POSITION))
            {
                return Err(ModelError::DuplicateName { name });
            }
            market.push(name);
        }
        Ok(Self { market })
    }

    /// The feature of this name: one of the market's, one of the slot's, or `market.<index>` for a market feature in raw
    /// integer units, whatever the market calls it.
    ///
    /// # Errors
    /// When the market has none.
    pub fn feature(&self, name: &str) -> Result<Feature, ModelError> {
        if let Some(slot) = SLOT.iter().position(|s| *s == name) {
            let unit = match slot {
                s if s == SlotFeature::Size as usize => Unit::Sold,
                s if s == SlotFeature::Limit as usize => Unit::Limit,
                _ => Unit::Count,
            };
            return Ok(Feature { index: MARKET_FEATURES + slot, unit });
        }
        if let Some(index) = name.strip_prefix(BY_POSITION) {
            let plain = !index.starts_with('+') && (index == "0" || !index.starts_with('0'));
            let index = index.parse().ok().filter(|i: &usize| plain && *i < MARKET_FEATURES);
            let unknown = || ModelError::UnknownFeature { name: name.to_owned() };
            return index.map(|index| Feature { index, unit: Unit::Count }).ok_or_else(unknown);
        }
        let index = self.market.iter().position(|m| m == name && !m.is_empty());
        let (_, feature) = name.split_once('.').unwrap_or_default();
        index
            .map(|index| Feature { index, unit: Unit::of_market_feature(feature) })
            .ok_or_else(|| ModelError::UnknownFeature { name: name.to_owned() })
    }

    /// Name of the input at an index of the model, if the market has it.
    pub fn name(&self, index: usize) -> Option<&str> {
        match index.checked_sub(MARKET_FEATURES) {
            Some(slot) => SLOT.get(slot).copied(),
            None => self.market.get(index).map(String::as_str).filter(|n| !n.is_empty()),
        }
    }
}
