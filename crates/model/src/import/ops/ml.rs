//! Operators of the domain `ai.onnx.ml`.

use std::sync::Arc;

use super::{Source, trees};
use crate::{
    ModelError,
    import::{Labels, LinearModel, Norm, Op, PostTransform, Unary},
};

/// Most classes or targets.
pub(super) const MAX_TARGETS: usize = 1024;

/// Reads an operator of the domain; `None` for others.
pub(super) fn read(source: &mut Source) -> Result<Option<Op>, ModelError> {
    let (op, least, most) = match source.kind.as_str() {
        "LinearRegressor" => {
            let targets = source.attributes.int("targets", 1)?;
            let targets = usize::try_from(targets).unwrap_or(0);
            (Op::Linear(Arc::new(linear(source, targets, None)?)), 1, 1)
        }
        "LinearClassifier" => {
            let labels = labels(source, "classlabels_ints", "classlabels_strings")?;
            source.attributes.ignore(&["multi_class"]);
            let targets = source.attributes.floats("intercepts")?;
            let intercepts = targets.ok_or_else(|| source.attributes.refuse("intercepts"))?;
            let mut model = linear(source, intercepts.len(), Some(labels))?;
            model.intercepts = intercepts;
            (Op::Linear(Arc::new(model)), 1, 1)
        }
        "Scaler" => {
            let vector = |v: Option<Vec<f64>>, or| v.filter(|v| !v.is_empty()).unwrap_or_else(|| vec![or]);
            let offset = vector(source.attributes.floats("offset")?, 0.0);
            (Op::Scaler { offset, scale: vector(source.attributes.floats("scale")?, 1.0) }, 1, 1)
        }
        "Normalizer" => {
            let norm = match source.attributes.string("norm", "MAX")?.as_str() {
                "MAX" => Norm::Max,
                "L1" => Norm::L1,
                "L2" => Norm::L2,
                _ => return Err(source.attributes.refuse("norm")),
            };
            (Op::Normalizer(norm), 1, 1)
        }
        "Imputer" => {
            // A sample has no missing values, which NaN would stand for.
            source.attributes.ignore(&[
                "imputed_value_floats",
                "imputed_value_int64s",
                "replaced_value_float",
            ]);
            if source.attributes.has("replaced_value_int64") {
                return Err(source.form("an imputer of a number", "an imputer of NaN"));
            }
            (Op::Unary(Unary::Identity), 1, 1)
        }
        "FeatureVectorizer" => {
            source.attributes.ignore(&["inputdimensions"]);
            (Op::FeatureVectorizer, 1, 1024)
        }
        "ZipMap" => {
            source.attributes.ignore(&["classlabels_int64s", "classlabels_strings"]);
            (Op::Unary(Unary::Identity), 1, 1)
        }
        "ArrayFeatureExtractor" => (Op::ArrayFeatureExtractor, 2, 2),
        "TreeEnsembleRegressor" => (Op::Trees(Arc::new(trees::regressor(source)?)), 1, 1),
        "TreeEnsembleClassifier" => (Op::Trees(Arc::new(trees::classifier(source)?)), 1, 1),
        "TreeEnsemble" => (Op::Trees(Arc::new(trees::ensemble(source)?)), 1, 1),
        _ => return Ok(None),
    };
    source.arity(least, most)?;
    Ok(Some(op))
}

fn linear(source: &mut Source, targets: usize, labels: Option<Labels>) -> Result<LinearModel, ModelError> {
    let coefficients = source.attributes.floats("coefficients")?;
    let coefficients = coefficients.ok_or_else(|| source.attributes.refuse("coefficients"))?;
    let fits = (1..=MAX_TARGETS).contains(&targets) && coefficients.len() % targets == 0;
    if !fits || coefficients.is_empty() {
        return Err(source.attributes.refuse("coefficients"));
    }
    let intercepts = source.attributes.floats("intercepts")?.unwrap_or_else(|| vec![0.0; targets]);
    if intercepts.len() != targets {
        return Err(source.attributes.refuse("intercepts"));
    }
    Ok(LinearModel { coefficients, intercepts, post: post(source)?, labels })
}

pub(super) fn post(source: &mut Source) -> Result<PostTransform, ModelError> {
    match source.attributes.string("post_transform", "NONE")?.as_str() {
        "NONE" => Ok(PostTransform::None),
        "LOGISTIC" => Ok(PostTransform::Logistic),
        "SOFTMAX" => Ok(PostTransform::Softmax),
        _ => Err(source.form("this post-transform", "NONE, LOGISTIC or SOFTMAX")),
    }
}

/// The classes of a classifier.
pub(super) fn labels(source: &mut Source, ints: &str, strings: &str) -> Result<Labels, ModelError> {
    let labels = match (source.attributes.ints(ints)?, source.attributes.strings(strings)?) {
        (Some(labels), _) if !labels.is_empty() => Labels {
            names: labels.iter().map(i64::to_string).collect(),
            numbers: labels.into_iter().map(|l| l as f64).collect(),
        },
        (_, Some(names)) => Labels {
            numbers: (0..names.len()).map(|i| i as f64).collect(),
            names: names.iter().map(|n| String::from_utf8_lossy(n).into_owned()).collect(),
        },
        _ => return Err(source.attributes.refuse(ints)),
    };
    if (1..=MAX_TARGETS).contains(&labels.names.len()) {
        Ok(labels)
    } else {
        Err(source.attributes.refuse(ints))
    }
}
