//! Results on standard output, as text for a person or as one JSON object; everything else goes to standard error.

use std::{
    fmt::{self, Display},
    io::{ErrorKind, Write as _},
};

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

/// Whoever read standard output or standard error has gone away, as `head` does when it has enough.
#[derive(Debug, thiserror::Error)]
#[error("the output was closed")]
pub(crate) struct Closed;

/// Writes to standard output at once. The macros of the standard library panic when nobody reads any more.
pub(crate) fn write(text: impl Display) -> eyre::Result<()> {
    let mut output = std::io::stdout().lock();
    match write!(output, "{text}").and_then(|()| output.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Closed.into()),
        other => other.wrap_err("the result could not be written"),
    }
}

/// Writes a line to standard error, if anybody reads it.
pub(crate) fn tell(line: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

impl OutputArgs {
    /// Prints a result: its JSON with `--json`, its `Display` text otherwise.
    pub(crate) fn print<T: Serialize + Display>(self, result: &T) -> eyre::Result<()> {
        if self.json {
            let json = serde_json::to_string(result).wrap_err("the result has no JSON form")?;
            return write(format_args!("{json}\n"));
        }
        write(format_args!("{result}\n"))
    }

    /// Prints a failure and its causes on standard error; nothing when it is that nobody reads.
    pub(crate) fn error(self, error: &eyre::Report) {
        if error.is::<Closed>() {
            return;
        }
        if self.json {
            let causes: Vec<String> = error.chain().skip(1).map(ToString::to_string).collect();
            let code = exit::code_of(error);
            tell(serde_json::json!({ "error": error.to_string(), "causes": causes, "code": code }));
        } else {
            tell(format_args!("error: {error}"));
            for cause in error.chain().skip(1) {
                tell(format_args!("  because: {cause}"));
            }
        }
    }
}
