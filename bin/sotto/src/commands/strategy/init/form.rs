//! Linear forms of features, as model authors write them: `chainlink.price - uniswap-v2.price`, `0.5 * slot.size + 1`.

use std::collections::BTreeMap;

use sotto_model::FeatureCatalog;

/// A sum of features with factors, and a constant.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Form {
    pub(super) terms: BTreeMap<String, f64>,
    pub(super) constant: f64,
}

impl Form {
    /// Parses a form; `None` when the text is none, or names a feature that the market does not have. Signs between terms
    /// stand between spaces, because names have hyphens.
    pub(super) fn parse(text: &str, catalog: &FeatureCatalog) -> Option<Self> {
        let (mut terms, mut constant) = (BTreeMap::new(), 0.0);
        let (mut sign, mut expects_term) = (1.0, true);
        let spaced = text.replace('*', " * ");
        let mut words = spaced.split_whitespace().peekable();
        while let Some(word) = words.next() {
            if !expects_term {
                sign = match word {
                    "+" => 1.0,
                    "-" => -1.0,
                    _ => return None,
                };
                expects_term = true;
                continue;
            }
            if word == "-" {
                sign = -sign;
                continue;
            }
            let number: Option<f64> = word.parse().ok().filter(|x: &f64| x.is_finite());
            let (factor, name) = match (number, words.peek()) {
                (Some(factor), Some(&"*")) => {
                    words.next();
                    (factor, Some(words.next()?))
                }
                (Some(number), _) => (number, None),
                (None, _) => match word.strip_prefix('-') {
                    Some(name) => (-1.0, Some(name)),
                    None => (1.0, Some(word)),
                },
            };
            match name {
                Some(name) => {
                    catalog.feature(name).ok()?;
                    *terms.entry(name.to_owned()).or_insert(0.0) += sign * factor;
                }
                None => constant += sign * factor,
            }
            (sign, expects_term) = (1.0, false);
        }
        (!expects_term && !terms.is_empty()).then_some(Self { terms, constant })
    }

    /// The feature alone, if that is what the form is.
    pub(super) fn feature(&self) -> Option<&str> {
        let mut terms = self.terms.iter();
        let (name, &factor) = terms.next()?;
        (factor == 1.0 && self.constant == 0.0 && terms.next().is_none()).then_some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<Form> {
        Form::parse(text, &FeatureCatalog::default())
    }

    #[test]
    fn forms_are_sums_of_features() {
        let form = parse("chainlink.price - uniswap-v2.price").unwrap();
        assert_eq!(form.terms["chainlink.price"], 1.0);
        assert_eq!(form.terms["uniswap-v2.price"], -1.0);
        let form = parse("-2*slot.size + 0.5 * market.7 - 3").unwrap();
        assert_eq!((form.terms["slot.size"], form.terms["market.7"], form.constant), (-2.0, 0.5, -3.0));
        assert_eq!(parse("slot.size").unwrap().feature(), Some("slot.size"));
        assert_eq!(parse("-slot.size").unwrap().feature(), None);
    }

    #[test]
    fn other_texts_are_no_forms() {
        for text in
            ["", "x0", "slot.size -", "slot.size slot.limit", "1", "2 *", "slot.size + nowhere.price", "+"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
