//! How often values occur.

use super::Titles;
use super::frame::{Axis, Frame};

/// Most bars of a histogram.
const MAX_BARS: usize = 48;

/// A histogram of finite values. Bars have equal widths of at least `resolution`.
#[allow(clippy::cast_sign_loss, reason = "bars are clamped to at least zero")]
pub(crate) fn histogram(values: &[f64], resolution: f64, titles: &Titles<'_>) -> String {
    let lo = values.iter().copied().fold(f64::INFINITY, f64::min);
    let hi = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let (lo, hi) = if lo <= hi { (lo, hi) } else { (0.0, 0.0) };
    let width = ((hi - lo) / MAX_BARS as f64 / resolution).ceil().max(1.0) * resolution;
    // Bars are centred on multiples of the resolution.
    let start = lo - resolution / 2.0;
    let mut counts = vec![0u32; MAX_BARS + 2];
    for value in values {
        let bar = ((value - start) / width).floor().clamp(0.0, MAX_BARS as f64) as usize;
        counts[bar] += 1;
    }
    let used = counts.iter().rposition(|&count| count > 0).map_or(1, |last| last + 1);
    counts.truncate(used);
    let most = counts.iter().copied().max().unwrap_or(1).max(1);
    let mut frame =
        Frame::new(Axis::around(start, start + used as f64 * width), Axis::around(0.0, f64::from(most)));
    for (bar, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let (left, right) =
            (frame.across(start + bar as f64 * width), frame.across(start + (bar + 1) as f64 * width));
        let (top, bottom) = (frame.down(f64::from(count)), frame.down(0.0));
        frame.draw(&format!(
            "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"#3b6ea5\"/>",
            (right - left - 1.0).max(1.0),
            bottom - top
        ));
    }
    frame.render(titles)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TITLES: Titles<'static> = Titles { title: "t", x: "x", y: "y" };

    #[test]
    fn every_value_has_a_bar() {
        let svg = histogram(&[-100.0, -100.0, 0.0, 50.0, 400.0], 1.0, &TITLES);
        assert_eq!(svg.matches("#3b6ea5").count(), 4);
        assert_eq!(histogram(&[7.0; 5], 1.0, &TITLES).matches("#3b6ea5").count(), 1);
        assert_eq!(histogram(&[], 1.0, &TITLES).matches("#3b6ea5").count(), 0);
    }
}
