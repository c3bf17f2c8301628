//! The NVL encoder: fits a small neural representation to a clip and writes it as an `.nvl` file.

pub mod autodiff;
pub mod bitstream;
pub mod cli;
mod describe;
pub mod device;
pub mod frame;
pub mod io;
pub mod jobs;
pub mod metrics;
pub mod playback;
pub mod progress;
pub mod reference;
pub mod report;
pub mod sample;
pub mod scenes;
pub mod settings;
pub mod tables;
pub mod train;
