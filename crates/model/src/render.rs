//! Writes a manifest as commented TOML.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::{
    Calibration, Choice, ElementChoice, FeatureRange, Manifest, MarketLayout, ModelFile, NetworkInput,
    Output, OutputUnit, PolicyTable, Tokens, model_hash,
};

impl NetworkInput {
    /// An input that is one feature, in its natural unit.
    pub fn of_feature(feature: &str) -> Self {
        let terms = BTreeMap::from([(feature.to_owned(), 1.0)]);
        Self { name: None, terms, offset: 0.0, scale: 1.0, range: None }
    }
}

impl Manifest {
    /// A manifest for the bytes of a model: what is not given has a plain value that its owner can change (the default
    /// market, tokens of 18 decimals, an output in pips, no calibration).
    pub fn for_model(
        name: &str,
        file: &str,
        model: &[u8],
        inputs: Vec<NetworkInput>,
        features: BTreeMap<String, FeatureRange>,
        policy: PolicyTable,
    ) -> Self {
        Self {
            name: name.to_owned(),
            market: MarketLayout::default(),
            model: ModelFile { file: file.to_owned(), keccak256: model_hash(model) },
            tokens: Tokens { base_decimals: 18, quote_decimals: 18 },
            output: Output { unit: OutputUnit::Pips, scale: 1.0, choice: None },
            policy,
            features,
            shape: None,
            calibration: None,
            inputs,
        }
    }

    /// The manifest as TOML with comments; parsing it gives the manifest again.
    pub fn render(&self) -> String {
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "name = {}", quoted(&self.name))?;
        writeln!(out, "# Whose features it reads: \"uniswap-v2\" or \"uniswap-v3\".")?;
        writeln!(out, "market = \"{}\"\n", self.market.name())?;
        writeln!(out, "[model]\nfile = {}", quoted(&self.model.file))?;
        writeln!(out, "# Pins the file: another one is refused.")?;
        writeln!(out, "keccak256 = \"{}\"\n", self.model.keccak256)?;
        writeln!(out, "# Decimals of the market's tokens; all values below are in whole tokens.\n[tokens]")?;
        writeln!(out, "base-decimals = {}", self.tokens.base_decimals)?;
        writeln!(out, "quote-decimals = {}\n", self.tokens.quote_decimals)?;
        writeln!(
            out,
            "# The model's output times scale is an improvement on the reference price for the trader, in"
        )?;
        writeln!(out, "# pips (1e-6), bps (1e-4) or as a fraction.\n[output]")?;
        writeln!(out, "unit = \"{}\"\nscale = {:?}", self.output.unit.name(), self.output.scale)?;
        match &self.output.choice {
            Some(Choice::Score(class)) => writeln!(out, "choice = {class}")?,
            Some(Choice::Name(name)) => writeln!(out, "choice = {}", quoted(name))?,
            Some(Choice::Element(ElementChoice { output, position })) => {
                writeln!(out, "choice = {{ output = {}, position = {position} }}", quoted(output))?;
            }
            None => {}
        }
        let PolicyTable { min_quote, max_quote, max_slots } = self.policy;
        writeln!(out, "\n# Quotes in pips are clamped to this range.\n[policy]\nmin-quote = {min_quote}")?;
        writeln!(out, "max-quote = {max_quote}\n# Most bids in one direction of a round.")?;
        writeln!(out, "max-slots = {max_slots}\n")?;
        self.write_features(out)?;
        if let Some(calibration) = &self.calibration {
            write_calibration(calibration, out)?;
        }
        self.write_inputs(out)
    }

    fn write_features(&self, out: &mut String) -> std::fmt::Result {
        writeln!(
            out,
            "# Features that are read, with the range in which they count: log2 of prices, depths and sizes,"
        )?;
        writeln!(
            out,
            "# seconds, milliseconds for the block interval. Values outside saturate.\n[features]"
        )?;
        for (name, FeatureRange { range }) in &self.features {
            writeln!(out, "{} = {{ range = {range:?} }}", quoted(name))?;
        }
        if let Some(shape) = self.shape {
            writeln!(
                out,
                "\n# Sizes of the trees, so that a re-trained model needs no new circuit.\n[shape]"
            )?;
            for (key, size) in [
                ("trees", shape.trees),
                ("depth", shape.depth.map(|d| d as usize)),
                ("rank-bits", shape.rank_bits.map(|b| b as usize)),
            ] {
                if let Some(size) = size {
                    writeln!(out, "{key} = {size}")?;
                }
            }
        }
        Ok(())
    }

    fn write_inputs(&self, out: &mut String) -> std::fmt::Result {
        writeln!(
            out,
            "\n# Inputs of the model, in its order: (sum of terms - offset) / scale, the sum being in range."
        )?;
        for input in &self.inputs {
            writeln!(out, "\n[[input]]")?;
            if let Some(name) = &input.name {
                writeln!(out, "name = {}", quoted(name))?;
            }
            let terms: Vec<String> =
                input.terms.iter().map(|(f, x)| format!("{} = {x:?}", quoted(f))).collect();
            writeln!(out, "terms = {{ {} }}", terms.join(", "))?;
            writeln!(out, "offset = {:?}\nscale = {:?}", input.offset, input.scale)?;
            if let Some(range) = input.range {
                writeln!(out, "range = {range:?}")?;
            }
        }
        Ok(())
    }
}

fn write_calibration(calibration: &Calibration, out: &mut String) -> std::fmt::Result {
    writeln!(
        out,
        "\n# What was seen inside the model, with a margin: ranges of each row of each matrix, where it saturates."
    )?;
    writeln!(out, "[calibration]")?;
    for (key, rows) in [("least", &calibration.least), ("greatest", &calibration.greatest)] {
        if key == "least" && rows.is_empty() {
            continue;
        }
        writeln!(out, "{key} = [")?;
        for row in rows {
            let numbers: Vec<String> = row.iter().map(|x| format!("{x:?}")).collect();
            writeln!(out, "    [{}],", numbers.join(", "))?;
        }
        writeln!(out, "]")?;
    }
    Ok(())
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
