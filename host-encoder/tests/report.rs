//! The report page: whole in itself, and drawn by a browser without an error.

use std::convert::Infallible;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use host_encoder::frame::Clip;
use host_encoder::playback::decode_file;
use host_encoder::report::{Names, collect, html};
use serde_json::Value;

/// The page of a golden stream; its source is what it decodes to, a little darker.
fn page() -> String {
    let vector = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/many-segments.nvl");
    let bytes = fs::read(vector).unwrap();
    let mut source = Clip { width: 0, height: 0, rate: (25, 1), frames: vec![] };
    decode_file::<Infallible>(&bytes, &mut |_, frame| {
        let mut darker = frame.clone();
        darker.y.iter_mut().for_each(|y| *y = y.saturating_sub(3));
        source.frames.push(darker);
        Ok(())
    })
    .unwrap();
    let names = Names { file: "a</script>b.nvl".into(), source: "a.y4m".into() };
    html(&collect(&names, &bytes, &source, None).unwrap())
}

#[test]
fn the_page_needs_nothing_else_and_its_data_are_whole() {
    let page = page();
    assert!(!page.contains("{{") && !page.contains("src=\"http") && !page.contains("href="));
    let data = page.split("id=\"data\">").nth(1).unwrap().split("</script>").next().unwrap();
    let data: Value = serde_json::from_str(data).unwrap();
    assert_eq!(data["name"], "a</script>b.nvl");
    let frames = data["frames"].as_u64().unwrap() as usize;
    for list in ["source", "decoded", "psnr", "pictures"] {
        assert_eq!(data[list].as_array().unwrap().len(), frames, "{list}");
    }
    // Three code values of luma, fewer where there was nothing to take away.
    let psnr = data["totals"]["psnr_y"].as_f64().unwrap();
    assert!((38.58..60.0).contains(&psnr), "{psnr} dB");
    let parts: f64 = data["parts"].as_array().unwrap().iter().map(|part| part["bytes"].as_f64().unwrap()).sum();
    assert!((parts - data["totals"]["bytes"].as_f64().unwrap()).abs() < 1e-6);
}

#[test]
fn a_browser_draws_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.html");
    fs::write(&path, page()).unwrap();
    let output = Command::new("chromium")
        .args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
            "--virtual-time-budget=3000",
        ])
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .args(["--dump-dom", &format!("file://{}", path.display())])
        .output();
    let Ok(output) = output else {
        // Not `eprintln`: the test harness would hide it.
        let _ = writeln!(std::io::stderr(), "*** SKIPPED: the report in a browser: chromium is not installed ***");
        return;
    };
    let (dom, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let errors: Vec<_> = log.lines().filter(|line| line.contains("CONSOLE") && line.contains("Error")).collect();
    assert!(errors.is_empty(), "{errors:?}");
    assert!(dom.matches("<polyline").count() >= 3, "the plot of the quality is not there");
    assert!(dom.matches("<rect").count() >= 2, "the plot of the bytes is not there");
    assert!(dom.contains("id=\"clock\">") && !dom.contains("id=\"clock\"></output>"), "no picture was shown");
}
