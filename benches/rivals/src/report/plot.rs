//! Lines and bars as SVG.

use std::error::Error;
use std::ops::Range;
use std::path::Path;

use plotters::prelude::*;

pub(super) type Outcome = Result<(), Box<dyn Error>>;

const SIZE: (u32, u32) = (900, 460);
const FONT: &str = "sans-serif";
/// One for each subject, told apart also by those who see fewer colours (after Tol); hashlet's stands out.
const COLORS: [RGBColor; 11] = [
    RGBColor(204, 51, 17),
    RGBColor(0, 119, 187),
    RGBColor(51, 187, 238),
    RGBColor(0, 153, 136),
    RGBColor(238, 119, 51),
    RGBColor(136, 34, 85),
    RGBColor(153, 153, 51),
    RGBColor(68, 170, 153),
    RGBColor(120, 120, 120),
    RGBColor(170, 68, 153),
    RGBColor(17, 17, 17),
];

/// A name and its points.
pub(super) type Series = (String, Vec<(f64, f64)>);

pub(super) struct Lines<'a> {
    pub(super) title: &'a str,
    pub(super) x: &'a str,
    pub(super) y: &'a str,
    /// Where something changes, and what.
    pub(super) mark: Option<f64>,
}

impl Lines<'_> {
    /// Both axes are logarithmic.
    pub(super) fn draw(&self, path: &Path, series: &[Series]) -> Outcome {
        let points = || series.iter().flat_map(|(_, points)| points);
        let (xs, ys) = (around(points().map(|(x, _)| *x)), around(points().map(|(_, y)| *y)));
        let root = SVGBackend::new(path, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let mut chart = builder(&root, self.title).build_cartesian_2d(
            xs.clone().log_scale().with_key_points(ticks(&xs, &[1.0])),
            ys.clone().log_scale().with_key_points(ticks(&ys, &[1.0, 2.0, 5.0])),
        )?;
        chart
            .configure_mesh()
            .x_desc(self.x)
            .y_desc(self.y)
            .x_label_formatter(&short)
            .y_label_formatter(&short)
            .light_line_style(TRANSPARENT)
            .draw()?;
        if let Some(x) = self.mark {
            let line = [(x, ys.start), (x, ys.end)];
            chart.draw_series(std::iter::once(PathElement::new(line, BLACK.mix(0.4))))?;
        }
        for (number, (name, points)) in series.iter().enumerate() {
            let style = COLORS[number % COLORS.len()].stroke_width(if number == 0 { 3 } else { 1 });
            chart
                .draw_series(LineSeries::new(points.iter().copied(), style))?
                .label(name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
        }
        chart
            .configure_series_labels()
            .background_style(WHITE.mix(0.8))
            .position(SeriesLabelPosition::UpperLeft)
            .draw()?;
        Ok(root.present()?)
    }
}

pub(super) struct Bars<'a> {
    pub(super) title: &'a str,
    pub(super) y: &'a str,
    /// What each bar of a group is.
    pub(super) names: &'a [String],
    pub(super) is_logarithmic: bool,
}

impl Bars<'_> {
    /// Groups of bars side by side, the figure over each.
    pub(super) fn draw(&self, path: &Path, groups: &[(String, Vec<Option<f64>>)]) -> Outcome {
        let values = || groups.iter().flat_map(|(_, values)| values.iter().copied().flatten());
        let ys = if self.is_logarithmic { around(values()) } else { 0.0..values().fold(0.0, f64::max) * 1.15 };
        let root = SVGBackend::new(path, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let xs = -0.5..groups.len() as f64 - 0.5;
        if self.is_logarithmic {
            let range = ys.clone().log_scale().with_key_points(ticks(&ys, &[1.0]));
            self.fill(&mut builder(&root, self.title).build_cartesian_2d(xs, range)?, groups, ys.start)?;
        } else {
            self.fill(&mut builder(&root, self.title).build_cartesian_2d(xs, ys)?, groups, 0.0)?;
        }
        Ok(root.present()?)
    }

    fn fill<'a, X, Y>(
        &self,
        chart: &mut ChartContext<'a, SVGBackend<'a>, Cartesian2d<X, Y>>,
        groups: &[(String, Vec<Option<f64>>)],
        floor: f64,
    ) -> Outcome
    where
        X: Ranged<ValueType = f64> + plotters::coord::ranged1d::ValueFormatter<f64>,
        Y: Ranged<ValueType = f64> + plotters::coord::ranged1d::ValueFormatter<f64>,
    {
        let name = |x: &f64| {
            let is_middle = (x - x.round()).abs() < 0.01;
            let group = groups.get(x.round() as usize).filter(|_| is_middle && *x > -0.1);
            group.map_or(String::new(), |(name, _)| name.clone())
        };
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .x_labels(groups.len() * 2 + 1)
            .x_label_formatter(&name)
            .y_label_formatter(&short)
            .y_desc(self.y)
            .draw()?;
        let width = 0.86 / self.names.len() as f64;
        for (number, name) in self.names.iter().enumerate() {
            let color = COLORS[number % COLORS.len()];
            let bars = groups.iter().enumerate().filter_map(|(group, (_, values))| {
                let left = group as f64 - 0.43 + number as f64 * width;
                Some((left, values[number]?))
            });
            let bars: Vec<_> = bars.collect();
            chart
                .draw_series(bars.iter().map(|(left, value)| {
                    Rectangle::new([(*left, floor), (left + width * 0.92, *value)], color.filled())
                }))?
                .label(name)
                .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 12, y + 5)], color.filled()));
            let style = TextStyle::from((FONT, 10).into_font()).pos(plotters::style::text_anchor::Pos::new(
                plotters::style::text_anchor::HPos::Center,
                plotters::style::text_anchor::VPos::Bottom,
            ));
            chart.draw_series(
                bars.iter().map(|(left, value)| Text::new(short(value), (left + width / 2.0, *value), style.clone())),
            )?;
        }
        chart
            .configure_series_labels()
            .background_style(WHITE.mix(0.8))
            .position(SeriesLabelPosition::UpperRight)
            .draw()?;
        Ok(())
    }
}

fn builder<'a, 'b>(
    root: &'a DrawingArea<SVGBackend<'b>, plotters::coord::Shift>,
    title: &str,
) -> ChartBuilder<'a, 'b, SVGBackend<'b>> {
    let mut builder = ChartBuilder::on(root);
    builder.caption(title, (FONT, 18)).margin(12).x_label_area_size(40).y_label_area_size(64);
    builder
}

/// From the power of ten below all values to a little above them.
fn around(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (least, most) =
        values.fold((f64::MAX, f64::MIN_POSITIVE), |(least, most), value| (least.min(value), most.max(value)));
    10_f64.powf(least.log10().floor())..most * 1.6
}

/// Round numbers in a range.
fn ticks(range: &Range<f64>, digits: &[f64]) -> Vec<f64> {
    let first = range.start.log10().floor() as i32;
    let last = range.end.log10().ceil() as i32;
    let ticks = (first..=last).flat_map(|power| digits.iter().map(move |digit| digit * 10_f64.powi(power)));
    ticks.filter(|tick| range.contains(tick)).collect()
}

/// A number that fits under a tick.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "plotters wants it so")]
fn short(value: &f64) -> String {
    match *value {
        1e6.. => format!("{}M", digits(value / 1e6)),
        1e3.. => format!("{}k", digits(value / 1e3)),
        value => digits(value),
    }
}

fn digits(value: f64) -> String {
    let text = match value {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        1.0.. => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}
