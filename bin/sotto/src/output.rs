//! Results on standard output, as text for a person or as one JSON object; everything else goes to standard error.

use std::fmt::{self, Display};

use eyre::WrapErr as _;
use serde::Serialize;

use crate::{args::OutputArgs, exit};

/// A gateway's answer, shown to people as indented JSON.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Answer<T>(pub(crate) T);

impl<T: Serialize> Display for Answer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string_pretty(&self.0).map_err(|_| fmt::Error)?)
    }
}

impl OutputArgs {
    /// Prints a result: its JSON with `--json`, its `Display` text otherwise.
    pub(crate) fn print<T: Serialize + Display>(self, result: &T) -> eyre::Result<()> {
        if self.json {
            println!("{}", serde_json::to_string(result).wrap_err("the result has no JSON form")?);
        } else {
            println!("{result}");
        }
        Ok(())
    }

    /// Prints a failure and its causes on standard error.
    pub(crate) fn error(self, error: &eyre::Report) {
        if self.json {
            let causes: Vec<String> = error.chain().skip(1).map(ToString::to_string).collect();
            let code = exit::code_of(error);
            eprintln!(
                "{}",
                serde_json::json!({ "error": error.to_string(), "causes": causes, "code": code })
            );
        } else {
            eprintln!("error: {error}");
            for cause in error.chain().skip(1) {
                eprintln!("  because: {cause}");
            }
        }
    }
}
