//! A Y4M through `nvl encode` and `nvl decode`, and its quality recomputed from the two files by code of this test alone.

use std::fs;
use std::path::Path;
use std::process::Command;

use host_encoder::io::write_y4m;
use host_encoder::sample::{SampleSettings, sample_clip};

/// The luma of every frame of a 4:2:0 Y4M file.
fn luma_of(path: &Path) -> Vec<Vec<u8>> {
    let bytes = fs::read(path).unwrap();
    let end = bytes.iter().position(|&byte| byte == b'\n').unwrap();
    let header = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let number = |tag: char| -> usize {
        let field = header.split(' ').skip(1).find(|field| field.starts_with(tag)).unwrap();
        field[1..].parse().unwrap()
    };
    let (width, height) = (number('W'), number('H'));
    let size = width * height + 2 * width.div_ceil(2) * height.div_ceil(2);
    let mut rest = &bytes[end + 1..];
    let mut frames = vec![];
    while !rest.is_empty() {
        assert!(rest.starts_with(b"FRAME"), "{header}");
        let start = rest.iter().position(|&byte| byte == b'\n').unwrap() + 1;
        frames.push(rest[start..start + width * height].to_vec());
        rest = &rest[start + size..];
    }
    frames
}

fn psnr(a: &[Vec<u8>], b: &[Vec<u8>]) -> f64 {
    let pairs = a.concat().into_iter().zip(b.concat());
    let (sum, count) = pairs.fold((0.0, 0.0), |(sum, count), (a, b)| {
        let difference = f64::from(a) - f64::from(b);
        (sum + difference * difference, count + 1.0)
    });
    10.0 * (255.0 * 255.0 / (sum / count)).log10()
}

#[test]
fn what_encode_says_is_what_the_files_say() {
    let folder = tempfile::tempdir().unwrap();
    let (source, coded, decoded) =
        (folder.path().join("a.y4m"), folder.path().join("a.nvl"), folder.path().join("b.y4m"));
    // Odd sizes, and one frame more than a chunk of the pure representation has.
    let clip = sample_clip(&SampleSettings { width: 63, height: 45, frames: 9, rate: (12, 1) });
    write_y4m(&mut fs::File::create(&source).unwrap(), &clip).unwrap();
    let nvl = |arguments: &[&str]| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_nvl")).args(arguments).current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    for motion in [&[][..], &["--no-motion"]] {
        let report = nvl(&[&["encode", "a.y4m", "-o", "a.nvl", "--effort", "draft", "--json", "-y"], motion].concat());
        let line = report.lines().last().unwrap();
        let result: serde_json::Value = serde_json::from_str(line).unwrap();
        nvl(&["decode", "a.nvl", "-o", "b.y4m", "-y"]);
        let found = psnr(&luma_of(&source), &luma_of(&decoded));
        let said = result["psnr_y"].as_f64().unwrap();
        assert!((found - said).abs() < 0.01, "{found} dB, but encode said {said}");
        assert!(found > 27.0, "{found} dB is not a picture");
        assert_eq!(result["bytes"].as_u64().unwrap(), fs::metadata(&coded).unwrap().len());
    }
}
