//! Axes with round ticks, and the picture around them.

use std::fmt::Write as _;

use super::Titles;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 62.0;
/// Ticks that an axis aims at.
const TICKS: f64 = 6.0;

/// A range of numbers with round ticks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Axis {
    lo: f64,
    hi: f64,
    step: f64,
}

impl Axis {
    /// The smallest range from tick to tick that holds these numbers, which are finite.
    pub(super) fn around(lo: f64, hi: f64) -> Self {
        let (lo, hi) = if hi - lo > 1e-9 * lo.abs().max(hi.abs()).max(1e-300) {
            (lo, hi)
        } else {
            let half = (0.05 * lo.abs()).max(1.0);
            (lo - half, hi + half)
        };
        let rough = (hi - lo) / TICKS;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|step| *step >= rough);
        let step = step.unwrap_or(rough);
        Self { lo: (lo / step).floor() * step, hi: (hi / step).ceil() * step, step }
    }

    #[allow(clippy::cast_sign_loss, reason = "an axis ends after its start")]
    fn ticks(self) -> impl Iterator<Item = f64> {
        let count = ((self.hi - self.lo) / self.step).round() as u32;
        (0..=count).map(move |i| self.lo + f64::from(i) * self.step)
    }

    /// A tick's text, with the decimals that tell it from its neighbours.
    #[allow(clippy::cast_sign_loss, reason = "clamped to at least zero")]
    fn label(self, tick: f64) -> String {
        let decimals = (-self.step.log10().floor()).clamp(0.0, 12.0) as usize;
        let tick = if tick.abs() < 1e-6 * self.step { 0.0 } else { tick };
        format!("{tick:.decimals$}")
    }

    fn share(self, x: f64) -> f64 {
        ((x - self.lo) / (self.hi - self.lo)).clamp(0.0, 1.0)
    }
}

/// A picture with two axes.
#[derive(Debug)]
pub(super) struct Frame {
    x: Axis,
    y: Axis,
    body: String,
}

impl Frame {
    /// An empty frame.
    pub(super) fn new(x: Axis, y: Axis) -> Self {
        Self { x, y, body: String::new() }
    }

    /// Where a value lies on the horizontal axis.
    pub(super) fn across(&self, x: f64) -> f64 {
        LEFT + self.x.share(x) * (WIDTH - LEFT - RIGHT)
    }

    /// Where a value lies on the vertical axis.
    pub(super) fn down(&self, y: f64) -> f64 {
        HEIGHT - BOTTOM - self.y.share(y) * (HEIGHT - TOP - BOTTOM)
    }

    /// Adds an element.
    pub(super) fn draw(&mut self, element: &str) {
        self.body.push_str(element);
        self.body.push('\n');
    }

    /// The whole picture.
    pub(super) fn render(self, titles: &Titles<'_>) -> String {
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
             viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"Helvetica, Arial, sans-serif\" font-size=\"12\" fill=\"#333\">\n\
             <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n"
        );
        // Writing to a string cannot fail.
        let _ = self.axes(&mut out);
        out.push_str(&self.body);
        let (middle, side) = ((LEFT + WIDTH - RIGHT) / 2.0, (TOP + HEIGHT - BOTTOM) / 2.0);
        let _ = writeln!(
            out,
            "<text x=\"{middle}\" y=\"24\" text-anchor=\"middle\" font-size=\"15\" font-weight=\"bold\">{}</text>\n\
             <text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n\
             <text transform=\"translate(20 {side}) rotate(-90)\" text-anchor=\"middle\">{}</text>\n</svg>",
            escape(titles.title),
            HEIGHT - 16.0,
            escape(titles.x),
            escape(titles.y),
        );
        out
    }

    fn axes(&self, out: &mut String) -> std::fmt::Result {
        let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
        for tick in self.x.ticks() {
            let at = self.across(tick);
            writeln!(
                out,
                "<path d=\"M{at:.1} {TOP}V{bottom}\" stroke=\"#e4e4e4\"/>\
                 <text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                bottom + 20.0,
                self.x.label(tick)
            )?;
        }
        for tick in self.y.ticks() {
            let at = self.down(tick);
            writeln!(
                out,
                "<path d=\"M{LEFT} {at:.1}H{right}\" stroke=\"#e4e4e4\"/>\
                 <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 8.0,
                at + 4.0,
                self.y.label(tick)
            )?;
        }
        writeln!(out, "<path d=\"M{LEFT} {TOP}V{bottom}H{right}\" fill=\"none\" stroke=\"#666\"/>")
    }
}

/// Text without markup.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_holds_its_numbers_between_round_ticks() {
        for (lo, hi) in [(0.0, 1.0), (-1234.5, 17.0), (3.0, 3.0), (0.0, 0.0), (1e-7, 3e-7), (-1e6, 1e6)] {
            let axis = Axis::around(lo, hi);
            assert!(axis.lo <= lo && hi <= axis.hi, "{axis:?}");
            let labels: Vec<String> = axis.ticks().map(|tick| axis.label(tick)).collect();
            assert!((2..=12).contains(&labels.len()), "{labels:?}");
            assert!(labels.windows(2).all(|pair| pair[0] != pair[1]), "{labels:?}");
        }
    }

    #[test]
    fn titles_are_no_markup() {
        let frame = Frame::new(Axis::around(0.0, 1.0), Axis::around(0.0, 1.0));
        let svg = frame.render(&Titles { title: "a<b> & \"c\"", x: "x", y: "y" });
        assert!(svg.contains("a&lt;b&gt; &amp; &quot;c&quot;"));
    }
}
