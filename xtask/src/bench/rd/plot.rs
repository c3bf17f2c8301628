//! The curves of a clip as a picture.

use anyhow::{Context, Result};
use plotters::coord::Shift;
use plotters::prelude::*;

use super::point::{Metric, Point};

/// Size of one of the two panels.
const PANEL: (u32, u32) = (620, 560);
/// Of labels.
const FONT: (&str, u32) = ("sans-serif", 14);

/// An SVG with the curves of the codecs, in this order, by PSNR-Y and by MS-SSIM; `points` are those of one clip.
pub fn svg(clip: &str, codecs: &[&str], points: &[Point]) -> Result<String> {
    let mut text = String::new();
    {
        let picture = SVGBackend::with_string(&mut text, (2 * PANEL.0, PANEL.1)).into_drawing_area();
        picture.fill(&WHITE)?;
        let panels = picture.split_evenly((1, 2));
        for (panel, metric) in panels.iter().zip(Metric::ALL) {
            draw(panel, &format!("{clip}, {}", metric.name()), metric, codecs, points)
                .with_context(|| format!("cannot plot {clip}"))?;
        }
        picture.present()?;
    }
    Ok(text)
}

fn draw(
    panel: &DrawingArea<SVGBackend<'_>, Shift>,
    caption: &str,
    metric: Metric,
    codecs: &[&str],
    points: &[Point],
) -> Result<()> {
    let curve = |codec: &str| -> Vec<(f64, f64)> {
        let own = points.iter().filter(|point| point.codec == codec).map(|point| metric.of(point));
        let mut own: Vec<_> = own.filter(|point| point.quality.is_finite()).map(|p| (p.rate, p.quality)).collect();
        own.sort_by(|a, b| a.0.total_cmp(&b.0));
        own
    };
    let all = || codecs.iter().flat_map(|codec| curve(codec));
    let range = |values: &mut dyn Iterator<Item = f64>| {
        values.fold(f64::INFINITY..f64::NEG_INFINITY, |range, value| range.start.min(value)..range.end.max(value))
    };
    let (rates, qualities) = (range(&mut all().map(|point| point.0)), range(&mut all().map(|point| point.1)));
    if rates.start > rates.end {
        return Ok(());
    }
    let mut chart = ChartBuilder::on(panel)
        .caption(caption, ("sans-serif", 22))
        .margin(12)
        .x_label_area_size(48)
        .y_label_area_size(60)
        .build_cartesian_2d(
            (rates.start / 1.1..rates.end * 1.1).log_scale(),
            qualities.start - 0.5..qualities.end + 0.5,
        )?;
    let mut mesh = chart.configure_mesh();
    mesh.x_desc("bits/pixel").y_desc(format!("{}, dB", metric.name())).x_label_formatter(&rate_label);
    mesh.label_style(FONT).max_light_lines(1).bold_line_style(BLACK.mix(0.15)).draw()?;
    for (number, codec) in codecs.iter().enumerate() {
        let style = Palette99::pick(number).stroke_width(2);
        let series = LineSeries::new(curve(codec), style).point_size(3);
        let drawn = chart.draw_series(series)?;
        drawn.label(*codec).legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
    }
    let mut labels = chart.configure_series_labels();
    labels
        .label_font(FONT)
        .position(SeriesLabelPosition::LowerRight)
        .border_style(BLACK.mix(0.3))
        .background_style(WHITE.mix(0.8));
    labels.draw()?;
    Ok(())
}

/// A rate in bits/pixel, if it begins with 1, 2 or 5: on a logarithmic axis the others have no room.
fn rate_label(rate: &f64) -> String {
    let first = rate / 10f64.powf((rate.log10() + 1e-6).floor());
    if [1.0, 2.0, 5.0].iter().all(|digit| (first - digit).abs() > 1e-3) {
        return String::new();
    }
    format!("{rate:.4}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::point::tests::point;
    use super::*;

    #[test]
    fn every_codec_has_a_curve() {
        let points = [
            point("nano", 1000, 30.0),
            point("nano", 2000, 33.0),
            point("h264", 900, 31.0),
            point("h264", 1900, f64::INFINITY),
        ];
        let text = svg("a clip", &["nano", "h264", "hevc"], &points).unwrap();
        assert!(text.starts_with("<svg") && text.trim_end().ends_with("</svg>"));
        for part in ["a clip, PSNR-Y", "a clip, MS-SSIM", "nano", "h264", "<polyline"] {
            assert!(text.contains(part), "{part}");
        }
        assert_eq!([0.05, 0.1, 0.3, 2.0].map(|rate| rate_label(&rate)), ["0.05", "0.1", "", "2"]);
        assert!(svg("empty", &["nano"], &[]).is_ok());
    }
}
