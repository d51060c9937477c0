//! Charts as SVG files: a frame with ticks and labels, and what is drawn into it.

mod frame;
mod histogram;
mod scatter;

pub(crate) use histogram::histogram;
pub(crate) use scatter::scatter;

/// What a chart says about itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Titles<'a> {
    /// Above the chart.
    pub(crate) title: &'a str,
    /// Below the horizontal axis.
    pub(crate) x: &'a str,
    /// Beside the vertical axis.
    pub(crate) y: &'a str,
}
