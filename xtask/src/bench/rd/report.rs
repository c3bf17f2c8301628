//! The table of BD-rates.

use std::fmt::Write;

use host_encoder::metrics::{BdRate, RatePoint, bd_rate};

use super::point::{Metric, Point};

/// Where the curves of two codecs meet on less than this share of ours, the figure gets a mark.
const OVERLAP: f64 = 0.5;

/// A Markdown table for each metric: a row for each level and clip and for the mean of the clips, a column for each
/// other codec.
pub fn markdown(levels: &[&str], references: &[&str], clips: &[&str], points: &[Point]) -> String {
    let mut text = String::new();
    for metric in Metric::ALL {
        let _ = writeln!(text, "\n## BD-rate by {}\n", metric.name());
        let _ = writeln!(text, "| level | clip | {} |", references.join(" | "));
        let _ = writeln!(text, "|---|---|{}", "---:|".repeat(references.len()));
        for level in levels {
            let mut columns = vec![Vec::new(); references.len()];
            for clip in clips {
                let _ = write!(text, "| {level} | {clip} |");
                for (reference, column) in references.iter().zip(&mut columns) {
                    let curve = |codec: &str| curve(metric, codec, clip, points);
                    let (ours, result) = (curve(level), bd_rate(&curve(reference), &curve(level)));
                    let _ = write!(text, " {} |", cell(result, &ours));
                    column.push(result.map(|result| result.percent));
                }
                text.push('\n');
            }
            if clips.len() > 1 {
                let _ = write!(text, "| **{level}** | **mean** |");
                for column in columns {
                    let _ = write!(text, " {} |", mean(&column));
                }
                text.push('\n');
            }
        }
    }
    text + "\nBytes at equal quality, relative to the other codec: minus is smaller. \\*: the curves have less than half of \
            our range of quality in common. –: none, or too few points.\n"
}

fn curve(metric: Metric, codec: &str, clip: &str, points: &[Point]) -> Vec<RatePoint> {
    let own = points.iter().filter(|point| point.codec == codec && point.clip == clip);
    own.map(|point| metric.of(point)).collect()
}

fn cell(result: Option<BdRate>, ours: &[RatePoint]) -> String {
    let Some(result) = result else { return "–".into() };
    let qualities = || ours.iter().map(|point| point.quality).filter(|quality| quality.is_finite());
    let range = qualities().fold(f64::NEG_INFINITY, f64::max) - qualities().fold(f64::INFINITY, f64::min);
    let mark = if result.to - result.from < OVERLAP * range { " \\*" } else { "" };
    format!("{:+.1} %{mark}", result.percent)
}

/// The mean of the clips, if all of them have a figure.
fn mean(column: &[Option<f64>]) -> String {
    match column.iter().copied().collect::<Option<Vec<f64>>>() {
        Some(figures) => format!("**{:+.1} %**", figures.iter().sum::<f64>() / figures.len() as f64),
        None => "–".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::point::tests::point;
    use super::*;

    #[test]
    fn a_codec_of_twice_the_bytes_is_at_plus_a_hundred() {
        let mut points = Vec::new();
        for (at, psnr) in [30.0, 33.0, 36.0, 39.0].into_iter().enumerate() {
            let bytes = 1000 << at;
            points.extend([point("nano", 2 * bytes, psnr), point("h264", bytes, psnr)]);
            points.push(point("hevc", bytes, psnr + 20.0));
            points.push(point("mpeg4", bytes, psnr + 8.0));
        }
        let renamed: Vec<_> = points.iter().map(|point| Point { clip: "b".into(), ..point.clone() }).collect();
        points.extend(renamed);
        let text = markdown(&["nano"], &["h264", "hevc", "mpeg4"], &["clip", "b"], &points);
        assert_eq!(text.matches("| nano | clip | +100.0 % | – |").count(), 2, "{text}");
        assert_eq!(text.matches("| **nano** | **mean** | **+100.0 %** | – |").count(), 2, "{text}");
        assert_eq!(text.matches(" % \\* |").count(), 4, "{text}");
    }
}
