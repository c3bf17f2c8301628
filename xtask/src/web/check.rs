//! The page's tests: what the browser shows is what the native decoder shows.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, thread};

use anyhow::{Context, Result, anyhow, ensure};
use host_encoder::io::OutputError;
use host_encoder::playback::{PlaybackError, decode_file};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::server::Site;
use super::sources;
use crate::shell;

/// Names of Chromium.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// Runs the tests for which the programs are here, and says which are not run.
pub fn run(page: &Path) -> Result<()> {
    if !shell::succeeds(&["node", "--version"]) {
        eprintln!("SKIPPED all tests of the page: Node.js is not installed (apt install nodejs)");
        return Ok(());
    }
    let folder = page.with_file_name("web-test");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let expected = folder.join("expected.json");
    fs::write(&expected, serde_json::to_string(&native(page)?)?)?;

    let site = Site::open(page, 0)?;
    let address = site.address();
    thread::spawn(move || site.serve());
    let mut tests = vec!["decoder", "streaming"];
    let browser = browser(&folder);
    match &browser {
        Ok(_) => tests.push("browser"),
        Err(missing) => eprintln!("SKIPPED the tests in a browser: {missing}"),
    }
    let (chromium, modules) = browser.unwrap_or_default();
    let status = Command::new("node")
        .arg("--test")
        .args(tests.iter().map(|name| sources().join("tests").join(format!("{name}.test.mjs"))))
        .env("NVL_WEB", page)
        .env("NVL_EXPECTED", &expected)
        .env("NVL_URL", &address)
        .env("NVL_CHROMIUM", chromium)
        .env("NVL_MODULES", modules)
        .env("NVL_SCREENSHOTS", &folder)
        .status()
        .context("cannot run node")?;
    ensure!(status.success(), "the page's tests failed: see above");
    println!("The page's tests passed: {}", tests.join(", "));
    Ok(())
}

/// SHA-256 of every frame of the golden vectors and of the page's clip, as the native decoder shows them.
fn native(page: &Path) -> Result<Vec<Value>> {
    let vectors = shell::root().join("tests/vectors");
    let mut files: Vec<PathBuf> = fs::read_dir(&vectors)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "nvl"));
    files.push(page.join("clip.nvl"));
    files.sort();
    files.iter().map(|file| Ok(json!({ "file": file, "frames": hashes(file)? }))).collect()
}

fn hashes(file: &Path) -> Result<Vec<String>> {
    let mut hashes = vec![];
    let decoded = decode_file(&fs::read(file)?, &mut |_, frame| {
        let hash = Sha256::new().chain_update(&frame.y).chain_update(&frame.u).chain_update(&frame.v).finalize();
        hashes.push(hash.iter().map(|byte| format!("{byte:02x}")).collect());
        Ok::<(), OutputError>(())
    });
    decoded.map_err(|error: PlaybackError<OutputError>| anyhow!("{}: {error}", file.display()))?;
    Ok(hashes)
}

/// Chromium, and the folder with the module that steers it, or what is missing.
fn browser(folder: &Path) -> Result<(String, PathBuf), String> {
    let named = env::var("NVL_CHROMIUM").ok();
    let known = named.into_iter().chain(BROWSERS.map(str::to_owned));
    let chromium = known.into_iter().find(|name| shell::succeeds(&[name, "--version"]));
    let chromium = chromium.ok_or("Chromium is not installed (apt install chromium, or its path in NVL_CHROMIUM)")?;
    let modules = env::var_os("NVL_MODULES").map_or_else(|| folder.join("node_modules"), PathBuf::from);
    match modules.join("playwright-core").is_dir() {
        true => Ok((chromium, modules)),
        false => {
            Err(format!("playwright-core is not installed (npm install --prefix {} playwright-core)", folder.display()))
        }
    }
}
