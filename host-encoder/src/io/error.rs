//! What can be wrong with an input. Every message names the input, the cause and the mend.

use std::io;

/// Why a clip was not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// The file does not open, or reading failed.
    #[error("cannot read {input}: {}", plain(.source))]
    Read {
        /// The input's name.
        input: String,
        /// What the system says.
        source: io::Error,
    },
    /// The path is a folder.
    #[error("{input} is a folder, not a video: name a file in it")]
    Folder {
        /// The input's name.
        input: String,
    },
    /// No bytes at all.
    #[error("{input} is empty: give a Y4M file or any video that ffmpeg reads")]
    Empty {
        /// The input's name.
        input: String,
    },
    /// A text file.
    #[error("{input} is a text file, not a video: give a Y4M file or any video that ffmpeg reads")]
    Text {
        /// The input's name.
        input: String,
    },
    /// The file is an encoded clip already.
    #[error("{input} is an .nvl file already: `decode` turns it into Y4M, PNG or GIF")]
    Encoded {
        /// The input's name.
        input: String,
    },
    /// The Y4M header cannot be understood.
    #[error(
        "{input} has a Y4M header that {problem}: write the file again, e.g. with `ffmpeg -i SOURCE -pix_fmt yuv420p out.y4m`"
    )]
    Header {
        /// The input's name.
        input: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Y4M in a format other than 8-bit 4:2:0, and no ffmpeg to convert it.
    #[error(
        "{input} is Y4M in {format}, and NVL takes 8-bit 4:2:0: install ffmpeg to have it converted, \
         or convert it elsewhere with `ffmpeg -i {input} -pix_fmt yuv420p out.y4m`"
    )]
    Format {
        /// The input's name.
        input: String,
        /// The format, as the header names it.
        format: String,
    },
    /// The picture is too small or too large.
    #[error(
        "{input} is {width}x{height} pixels, and NVL takes 8x8 to 1920x1080: \
         scale it, e.g. with --scale 320"
    )]
    Size {
        /// The input's name.
        input: String,
        /// Luma samples a row.
        width: u64,
        /// Luma rows.
        height: u64,
    },
    /// More frames are wanted than there are.
    #[error(
        "{input} has {own:.3} frames/s and {wanted:.3} are wanted: frames are left out, never made; \
         choose a lower --fps or leave it out"
    )]
    Rate {
        /// The input's name.
        input: String,
        /// Its frames per second.
        own: f64,
        /// Those that are wanted.
        wanted: f64,
    },
    /// The last frame is not whole.
    #[error("{input} is truncated: {missing} bytes of frame {frame} are missing; {}", mend_truncated(*.frame))]
    Truncated {
        /// The input's name.
        input: String,
        /// Number of the frame in the file, from 0.
        frame: usize,
        /// Bytes that are missing in it.
        missing: usize,
    },
    /// A frame does not begin as frames do.
    #[error("{input} is damaged: frame {frame} does not begin with the word FRAME; write the file again")]
    Damaged {
        /// The input's name.
        input: String,
        /// Number of the frame in the file, from 0.
        frame: usize,
    },
    /// A header and nothing after it.
    #[error("{input} holds no frames: check the command that wrote it")]
    NoFrames {
        /// The input's name.
        input: String,
    },
    /// Everything was skipped.
    #[error("{input} has only {frames} frames and --skip {skip} leaves none: skip fewer")]
    AllSkipped {
        /// The input's name.
        input: String,
        /// Frames in the file.
        frames: usize,
        /// Frames to skip.
        skip: usize,
    },
    /// The clip does not fit in the memory that is allowed.
    #[error(
        "{input} needs more than {limit_mib} MiB of memory: encode a part of it with --frames {frames} (and --skip)"
    )]
    Memory {
        /// The input's name.
        input: String,
        /// The limit in MiB.
        limit_mib: usize,
        /// Frames that fit.
        frames: usize,
    },
    /// Not Y4M, and no ffmpeg.
    #[error(
        "{input} is not Y4M, and ffmpeg, which reads everything else, is not installed: \
         install it (`apt install ffmpeg`, `brew install ffmpeg`, `winget install ffmpeg`) or give a Y4M file"
    )]
    NoFfmpeg {
        /// The input's name.
        input: String,
    },
    /// ffmpeg failed.
    #[error("ffmpeg cannot read {input}: {line}")]
    Ffmpeg {
        /// The input's name.
        input: String,
        /// The last line that ffmpeg wrote.
        line: String,
    },
}

/// What the system says, without the number of the error.
pub(super) fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        _ => {
            let text = error.to_string();
            text.split(" (os error").next().unwrap_or(&text).to_lowercase()
        }
    }
}

fn mend_truncated(frame: usize) -> String {
    match frame {
        0 => "get the whole file again".into(),
        n => format!("get the whole file again, or take the whole frames with --frames {n}"),
    }
}
