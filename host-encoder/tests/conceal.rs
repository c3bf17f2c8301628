//! What is shown of a damaged file.

use std::fs;
use std::path::Path;
use std::process::Command;

use decoder_core::{Limits, Stream};
use host_encoder::frame::Frame;
use host_encoder::playback::{Salvage, decode_file};

/// A golden vector of twelve segments, and its pictures.
fn vector() -> (Vec<u8>, Vec<Frame>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/many-segments.nvl");
    let bytes = fs::read(path).unwrap();
    let mut frames = vec![];
    decode_file::<()>(&bytes, &mut |_, frame| {
        frames.push(frame.clone());
        Ok(())
    })
    .unwrap();
    (bytes, frames)
}

/// The place and the pictures of each segment.
fn segments(bytes: &[u8]) -> Vec<(std::ops::Range<usize>, std::ops::Range<usize>)> {
    let stream = Stream::open(bytes, &Limits::HOST).unwrap();
    let mut at = 0;
    std::iter::from_fn(|| {
        let (place, segment) = stream.find_segment(at)?;
        at = place.end;
        let first = segment.header.first_frame as usize;
        Some((place, first..first + usize::from(segment.header.frames)))
    })
    .collect()
}

#[test]
fn lost_segments_show_the_last_good_picture() {
    let (bytes, frames) = vector();
    let segments = segments(&bytes);
    let (lost, repeated) = ([3, 6], 9);
    let mut damaged = bytes[..segments[0].0.start].to_vec();
    // The index says nothing any more.
    damaged[bytes.len().min(segments[0].0.start) - 6] ^= 0x10;
    for (number, (place, _)) in segments.iter().enumerate() {
        match number {
            // A wrong bit in the payload, and one whose end is missing.
            3 => {
                damaged.extend(&bytes[place.clone()]);
                *damaged.last_mut().unwrap() ^= 1;
            }
            6 => damaged.extend(&bytes[place.start..place.end - 9]),
            _ => damaged.extend(&bytes[place.clone()]),
        }
        if number == repeated {
            damaged.extend(&bytes[place.clone()]);
        }
    }
    let salvage = Salvage::find(&damaged).unwrap();
    let mut shown = vec![];
    let concealed = salvage
        .play::<()>(&mut |number, frame| {
            assert_eq!(number, shown.len());
            shown.push(frame.clone());
            Ok(())
        })
        .unwrap();
    let mut expected = frames.clone();
    for number in lost {
        for frame in segments[number].1.clone() {
            expected[frame] = expected[frame - 1].clone();
        }
    }
    assert!(shown == expected, "other pictures");
    assert_eq!(concealed.lost_segments, lost.map(|number| number as u32..=number as u32));
    assert_eq!(concealed.held_frames as usize, lost.map(|number| segments[number].1.len()).iter().sum::<usize>());
}

#[test]
fn only_conceal_shows_a_damaged_file_and_it_says_what_is_lost() {
    let (mut bytes, frames) = vector();
    let segments = segments(&bytes);
    let folder = tempfile::tempdir().unwrap();
    let nvl = |arguments: &[&str]| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_nvl")).args(arguments).current_dir(folder.path()).output().unwrap();
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        (output.status.code(), said.concat())
    };
    for number in [1, 2, 11] {
        bytes[segments[number].0.start] ^= 1;
    }
    fs::write(folder.path().join("a.nvl"), &bytes).unwrap();

    let (code, said) = nvl(&["decode", "a.nvl", "-o", "a.y4m"]);
    assert!(code == Some(1) && said.contains("damaged") && said.contains("--conceal"), "{said}");
    assert!(!folder.path().join("a.y4m").exists());

    let (code, said) = nvl(&["decode", "a.nvl", "-o", "a.y4m", "--conceal"]);
    assert!(code == Some(0) && said.contains("segment 1 to 2, 11 of 12: 4 pictures held"), "{said}");
    let y4m = fs::read(folder.path().join("a.y4m")).unwrap();
    assert_eq!(y4m.windows(6).filter(|window| window == b"FRAME\n").count(), frames.len());

    for (place, _) in &segments {
        bytes[place.start] = 0;
    }
    fs::write(folder.path().join("b.nvl"), &bytes).unwrap();
    let (code, said) = nvl(&["decode", "b.nvl", "-o", "b.y4m", "--conceal"]);
    assert!(code == Some(1) && said.contains("none of its segments is intact"), "{said}");
    assert!(!folder.path().join("b.y4m").exists());
}
