//! Clips from files and to files.

mod convert;
mod error;
mod ffmpeg;
mod gif;
mod input;
mod output;
mod png;
mod rgb;
mod writer;
mod y4m;

pub use convert::{Conversion, Original};
pub use error::InputError;
pub use input::{ClipRange, Input, Loaded, read_clip, read_converted};
pub use output::{OutputError, OutputFile, check_target, remove_unfinished};
pub use png::{write_grey_png, write_rgb_png};
pub use rgb::RgbImage;
pub use writer::{ClipWriter, OutputKind, Target, VideoHeader};
pub use y4m::{Y4mWriter, write_y4m};
