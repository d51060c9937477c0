//! Pairs of values, which should be equal.

use super::Titles;
use super::frame::{Axis, Frame};

/// Most points that are drawn; of more, every so many-th.
const MAX_POINTS: usize = 2500;

/// A scatter of finite pairs with the diagonal on which both are equal.
pub(crate) fn scatter(points: &[[f64; 2]], titles: &Titles<'_>) -> String {
    let lo = points.iter().flatten().copied().fold(f64::INFINITY, f64::min);
    let hi = points.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max);
    let (lo, hi) = if lo <= hi { (lo, hi) } else { (0.0, 0.0) };
    let axis = Axis::around(lo, hi);
    let mut frame = Frame::new(axis, axis);
    frame.draw(&format!(
        "<path d=\"M{:.1} {:.1}L{:.1} {:.1}\" stroke=\"#c0504d\" stroke-dasharray=\"5 4\"/>",
        frame.across(lo),
        frame.down(lo),
        frame.across(hi),
        frame.down(hi)
    ));
    for [x, y] in points.iter().step_by(points.len().div_ceil(MAX_POINTS).max(1)) {
        frame.draw(&format!(
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"2.5\" fill=\"#3b6ea5\" fill-opacity=\"0.45\"/>",
            frame.across(*x),
            frame.down(*y)
        ));
    }
    frame.render(titles)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_points_are_thinned_out() {
        let points: Vec<[f64; 2]> = (0..10_000).map(|i| [f64::from(i), f64::from(i) + 1.0]).collect();
        let count = scatter(&points, &Titles { title: "t", x: "x", y: "y" }).matches("<circle").count();
        assert!((1000..=MAX_POINTS).contains(&count), "{count}");
    }
}
