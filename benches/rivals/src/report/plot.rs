//! Lines, bars and panels of bars as SVG.

use std::error::Error;
use std::ops::Range;
use std::path::Path;

use plotters::coord::Shift;
use plotters::coord::ranged1d::ValueFormatter;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::words;

pub(super) type Outcome = Result<(), Box<dyn Error>>;

const SIZE: (u32, u32) = (1_000, 460);
/// The strip on the right that holds the names.
const LEGEND: u32 = 150;
const FONT: &str = "sans-serif";
/// Whose colour is which, in every plot (after Tol: told apart also by those who see fewer colours).
const COLORS: [(&str, RGBColor); 23] = [
    ("hashlet", RGBColor(204, 51, 17)),
    ("hashlet_tables", RGBColor(238, 170, 153)),
    ("hashlet_unshaped", RGBColor(204, 102, 119)),
    ("dashmap", RGBColor(0, 119, 187)),
    ("dashmap_strings", RGBColor(51, 187, 238)),
    ("sharded", RGBColor(0, 153, 136)),
    ("papaya", RGBColor(238, 119, 51)),
    ("scc", RGBColor(136, 34, 85)),
    ("moka", RGBColor(153, 153, 51)),
    ("kevy", RGBColor(170, 68, 153)),
    ("redis", RGBColor(221, 170, 51)),
    ("valkey", RGBColor(34, 51, 119)),
    ("bare", RGBColor(120, 120, 120)),
    ("hashlet_recent", RGBColor(204, 51, 17)),
    ("hashlet_frequent", RGBColor(136, 34, 85)),
    ("hashlet_random", RGBColor(238, 170, 153)),
    ("moka_record", RGBColor(204, 204, 102)),
    ("quick_cache", RGBColor(0, 119, 187)),
    ("quick_cache_record", RGBColor(51, 187, 238)),
    ("redis_lru", RGBColor(221, 170, 51)),
    ("redis_lfu", RGBColor(238, 119, 51)),
    ("valkey_lru", RGBColor(34, 51, 119)),
    ("valkey_lfu", RGBColor(170, 68, 153)),
];

fn color(name: &str) -> RGBColor {
    COLORS.iter().find(|(known, _)| *known == name).map_or(BLACK, |(_, color)| *color)
}

type Area<'b> = DrawingArea<SVGBackend<'b>, Shift>;

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
        let area = with_legend(&root, series.iter().map(|(name, _)| name))?;
        let mut chart = builder(&area, self.title).build_cartesian_2d(
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
        for (name, points) in series {
            let style = color(name).stroke_width(if name == COLORS[0].0 { 3 } else { 1 });
            chart.draw_series(LineSeries::new(points.iter().copied(), style))?;
        }
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
        let area = with_legend(&root, self.names)?;
        let xs = -0.5..groups.len() as f64 - 0.5;
        if self.is_logarithmic {
            let range = ys.clone().log_scale().with_key_points(ticks(&ys, &[1.0]));
            self.fill(&mut builder(&area, self.title).build_cartesian_2d(xs, range)?, groups, ys.start)?;
        } else {
            self.fill(&mut builder(&area, self.title).build_cartesian_2d(xs, ys)?, groups, 0.0)?;
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
        X: Ranged<ValueType = f64> + ValueFormatter<f64>,
        Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
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
        let style = TextStyle::from((FONT, 10).into_font()).pos(Pos::new(HPos::Center, VPos::Bottom));
        for (number, name) in self.names.iter().enumerate() {
            let bars = groups.iter().enumerate().filter_map(|(group, (_, values))| {
                let left = group as f64 - 0.43 + number as f64 * width;
                Some((left, values[number]?))
            });
            let bars: Vec<_> = bars.collect();
            chart.draw_series(bars.iter().map(|(left, value)| {
                Rectangle::new([(*left, floor), (left + width * 0.92, *value)], color(name).filled())
            }))?;
            chart.draw_series(
                bars.iter().map(|(left, value)| Text::new(short(value), (left + width / 2.0, *value), style.clone())),
            )?;
        }
        Ok(())
    }
}

/// One figure of everybody, best first.
pub(super) struct Panel<'a> {
    pub(super) title: &'a str,
    /// Whether more is better.
    pub(super) is_more_better: bool,
    pub(super) bars: Vec<(String, f64)>,
}

const PANELS_HEIGHT: u32 = 300;
/// The strip on the left of a panel that holds the names.
const NAMES: i32 = 128;

/// Panels side by side, each with lying bars.
pub(super) fn panels(path: &Path, panels: &[Panel<'_>]) -> Outcome {
    let root = SVGBackend::new(path, (SIZE.0, PANELS_HEIGHT)).into_drawing_area();
    root.fill(&WHITE)?;
    for (area, panel) in root.split_evenly((1, panels.len())).iter().zip(panels) {
        panel.draw(area)?;
    }
    Ok(root.present()?)
}

impl Panel<'_> {
    fn draw(&self, area: &Area<'_>) -> Outcome {
        let mut bars: Vec<&(String, f64)> = self.bars.iter().collect();
        bars.sort_by(|one, other| one.1.total_cmp(&other.1));
        if self.is_more_better {
            bars.reverse();
        }
        let most = bars.iter().map(|(_, value)| *value).fold(f64::MIN_POSITIVE, f64::max);
        let (width, height) = area.dim_in_pixel();
        let title = TextStyle::from((FONT, 15).into_font()).pos(Pos::new(HPos::Center, VPos::Top));
        area.draw(&Text::new(self.title.to_owned(), (width as i32 / 2, 10), title))?;
        let step = (height as i32 - 50) / bars.len().max(1) as i32;
        let longest = f64::from(width as i32 - NAMES - 60);
        let at = |horizontal| TextStyle::from((FONT, 12).into_font()).pos(Pos::new(horizontal, VPos::Center));
        for (place, (name, value)) in bars.into_iter().enumerate() {
            let top = 42 + step * place as i32;
            let (middle, end) = (top + step * 2 / 5, NAMES + (value / most * longest) as i32);
            area.draw(&Text::new(words::subject(name).to_owned(), (NAMES - 6, middle), at(HPos::Right)))?;
            area.draw(&Rectangle::new([(NAMES, top), (end, top + step * 4 / 5)], color(name).filled()))?;
            area.draw(&Text::new(digits(*value), (end + 5, middle), at(HPos::Left)))?;
        }
        Ok(())
    }
}

/// Writes the names on the right, and returns what is left of the area.
fn with_legend<'a, 'b>(
    root: &'a Area<'b>,
    names: impl IntoIterator<Item = &'a String>,
) -> Result<Area<'b>, Box<dyn Error>> {
    root.fill(&WHITE)?;
    let (area, legend) = root.split_horizontally(SIZE.0 - LEGEND);
    for (number, name) in names.into_iter().enumerate() {
        let y = 60 + 20 * number as i32;
        legend.draw(&Rectangle::new([(4, y), (16, y + 10)], color(name).filled()))?;
        legend.draw(&Text::new(words::subject(name).to_owned(), (22, y - 1), (FONT, 12)))?;
    }
    Ok(area)
}

fn builder<'a, 'b>(area: &'a Area<'b>, title: &str) -> ChartBuilder<'a, 'b, SVGBackend<'b>> {
    let mut builder = ChartBuilder::on(area);
    builder.caption(title, (FONT, 18)).margin(12).x_label_area_size(40).y_label_area_size(64);
    builder
}

/// From a round number below all values to a little above them.
fn around(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (least, most) =
        values.fold((f64::MAX, f64::MIN_POSITIVE), |(least, most), value| (least.min(value), most.max(value)));
    let power = 10_f64.powf(least.log10().floor());
    let start = [5.0, 2.0].into_iter().map(|digit| digit * power).find(|start| *start <= least).unwrap_or(power);
    start..most * 1.3
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
