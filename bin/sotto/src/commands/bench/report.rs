//! The report as Markdown and as a picture.

use std::fmt::Write as _;

use sotto_prover::measure::Report;

/// Colours of the phases' bars, in the order of the phases.
const COLOURS: [&str; 11] = [
    "#7f8c8d", "#2e86c1", "#a569bd", "#5dade2", "#e67e22", "#85c1e9", "#27ae60", "#52be80", "#f4d03f",
    "#c0392b", "#34495e",
];
const WIDTH: f64 = 720.0;
const BAR: f64 = 22.0;

/// The report for people.
pub(super) fn markdown(report: &Report) -> String {
    let mut out = String::new();
    let optional =
        |value: Option<f64>| value.map_or_else(|| "not measured".to_owned(), |v| format!("{v:.3} s"));
    let _ = writeln!(out, "# Proving\n\n{} on {} threads.\n", report.backend, report.threads);
    let _ = writeln!(out, "| from features to | |\n|---|---|");
    let _ = writeln!(out, "| the sheet's proof | {:.3} s |", report.sheet_seconds);
    let _ = writeln!(out, "| the `fast` proof | {:.3} s |", report.fast_seconds);
    let _ = writeln!(out, "| the `compact` proof | {} |", optional(report.compact_seconds));
    let _ = writeln!(out, "| a sheet of 32 slots, over one of 1 | {:.2} |", report.slots32_over_1);
    let peak = report.peak_rss_mb.map_or_else(|| "not told".to_owned(), |mb| format!("{mb} MB"));
    let _ = writeln!(out, "| peak memory of these | {peak} |\n");
    let _ = writeln!(out, "Medians of runs in turn, on one circuit and one set of inputs:\n");
    let _ = writeln!(out, "| circuit | rows | rate | stock | ours | ratio |\n|---|---|---|---|---|---|");
    for c in &report.comparisons {
        let _ = writeln!(
            out,
            "| {} | 2^{} | 2^-{} | {:.3} s | {:.3} s | {:.2} |",
            c.name, c.degree_bits, c.rate_bits, c.stock_seconds, c.fast_seconds, c.ratio
        );
    }
    let _ = write!(out, "\nSeconds of our phases:\n\n| phase |");
    for c in &report.comparisons {
        let _ = write!(out, " {} |", c.name);
    }
    let _ = writeln!(out, "\n|---|{}", "---|".repeat(report.comparisons.len()));
    let phases = report.comparisons.first().map_or(0, |c| c.phases.len());
    for at in 0..phases {
        let _ = write!(out, "| {} |", report.comparisons[0].phases[at].0);
        for c in &report.comparisons {
            let _ = write!(out, " {:.4} |", c.phases[at].1);
        }
        out.push('\n');
    }
    for (name, seconds) in [("transforms", 0), ("leaves", 1)] {
        let _ = write!(out, "| thread seconds of {name} |");
        for c in &report.comparisons {
            let value = [c.transform_thread_seconds, c.leaf_thread_seconds][seconds];
            let _ = write!(out, " {value:.4} |");
        }
        out.push('\n');
    }
    out.push_str("\n![stock and ours](proving.svg)\n");
    out
}

/// Bars of the stock prover and of our phases, a pair for each circuit, each pair to its own scale.
pub(super) fn svg(report: &Report) -> String {
    let pair = 2.0 * BAR + 34.0;
    let height = pair * report.comparisons.len() as f64 + 60.0;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n",
        WIDTH + 20.0
    );
    for (row, c) in report.comparisons.iter().enumerate() {
        let top = row as f64 * pair + 20.0;
        let scale = WIDTH / c.stock_seconds.max(f64::MIN_POSITIVE);
        let _ = writeln!(
            out,
            "<text x=\"10\" y=\"{}\">{}: stock {:.3} s, ours {:.3} s, ratio {:.2}</text>",
            top - 4.0,
            c.name,
            c.stock_seconds,
            c.fast_seconds,
            c.ratio
        );
        let _ =
            writeln!(out, "<rect x=\"10\" y=\"{top}\" width=\"{WIDTH}\" height=\"{BAR}\" fill=\"#d5d8dc\"/>");
        let mut left = 10.0;
        for ((name, seconds), colour) in c.phases.iter().zip(COLOURS) {
            let width = seconds * scale;
            let _ = writeln!(
                out,
                "<rect x=\"{left:.2}\" y=\"{}\" width=\"{width:.2}\" height=\"{BAR}\" fill=\"{colour}\">\
                 <title>{name} {seconds:.4} s</title></rect>",
                top + BAR + 2.0
            );
            left += width;
        }
    }
    if let Some(c) = report.comparisons.first() {
        for (at, ((name, _), colour)) in c.phases.iter().zip(COLOURS).enumerate() {
            let left = 10.0 + at as f64 * 66.0;
            let _ =
                writeln!(out, "<text x=\"{left}\" y=\"{}\" fill=\"{colour}\">{name}</text>", height - 16.0);
        }
    }
    out.push_str("</svg>\n");
    out
}
