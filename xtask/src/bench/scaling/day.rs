//! The arithmetic for a day of video.

use decoder_core::Level;
use decoder_core::wire::Geometry;
use host_encoder::cli::{Table, grouped};
use host_encoder::settings::{Effort, EncodeSettings};
use host_encoder::train::{architecture, expected_cost};

/// Machines of the example, and cores of each.
const MACHINES: f64 = 100.0;
const CORES: f64 = 16.0;
const DAY: usize = 24 * 60 * 60;

/// What 24 hours take at some sizes, by the model.
pub fn table() -> String {
    let mut table = Table::aligned_right(&[1, 2, 3, 4, 5]);
    table.row([&"a day of", &"segments", &"MiB a segment", &"core hours a segment", &"core hours", &"hours"]);
    for (width, height, rate, level, effort) in [
        (160, 120, 15, Level::Nano, Effort::Normal),
        (176, 144, 15, Level::Micro, Effort::Normal),
        (176, 144, 15, Level::Micro, Effort::Best),
        (320, 240, 24, Level::Edge, Effort::Normal),
    ] {
        let settings = EncodeSettings { level, effort, ..EncodeSettings::default() };
        let geometry = Geometry::new(width, height);
        let architecture = architecture(&settings, geometry);
        let length = usize::from(settings.segment_frames);
        let cost = expected_cost(&architecture, geometry, length, &settings);
        let segments = (DAY * rate).div_ceil(length);
        let hours = cost.cpu_seconds / 3600.0;
        // The last to end keeps its core busy when the others have nothing left to do.
        let rounds = (segments as f64 / (MACHINES * CORES)).ceil();
        table.row([
            &format!("{width}x{height} at {rate}, {}, {}", level.name(), effort.name()),
            &grouped(segments as u64),
            &grouped(cost.memory_bytes.div_ceil(1 << 20)),
            &format!("{hours:.2}"),
            &grouped((hours * segments as f64) as u64),
            &format!("{:.1}", rounds * hours),
        ]);
    }
    format!(
        "24 hours of video on {MACHINES} machines with {CORES} cores each, one segment a core, by the model; machines like this \
         one:\n\n{table}"
    )
}
