//! `web`: the browser player.

mod build;
mod check;
mod clip;
mod server;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;

use crate::shell;
use server::Site;

/// Arguments of `web`.
#[derive(Args, Debug)]
pub struct WebArgs {
    /// A clip to open instead of the project's own
    #[arg(value_name = "CLIP")]
    clip: Option<PathBuf>,
    /// Where to serve it on localhost; 0 takes any port that is free
    #[arg(long, value_name = "PORT", default_value_t = 8000)]
    port: u16,
    /// Assemble target/web and serve nothing
    #[arg(long, conflicts_with_all = ["clip", "port"])]
    build_only: bool,
    /// Compare it with the native decoder, under Node.js and in headless Chromium
    #[arg(long, conflicts_with_all = ["clip", "port", "build_only"])]
    test: bool,
    /// Encode the clip that the page opens with anew: after a change of the format, in some minutes
    #[arg(long, conflicts_with_all = ["clip", "port", "build_only", "test"])]
    remake_clip: bool,
}

/// Builds the page and serves it.
pub fn run(args: &WebArgs) -> Result<()> {
    if args.remake_clip {
        clip::remake()?;
    }
    let page = build::assemble()?;
    if args.test {
        return check::run(&page);
    }
    if args.build_only || args.remake_clip {
        return Ok(());
    }
    let query = args.clip.as_deref().map(|clip| lend(clip, &page)).transpose()?.unwrap_or_default();
    let site = Site::open(&page, args.port)?;
    println!("\nThe player is at {}{query} until Ctrl-C.", site.address());
    site.serve();
    Ok(())
}

/// Puts a clip beside the page; the query that opens it.
fn lend(clip: &Path, page: &Path) -> Result<String> {
    let name = clip.file_name().with_context(|| format!("{} is no file", clip.display()))?;
    std::fs::copy(clip, page.join(name)).with_context(|| format!("cannot read {}", clip.display()))?;
    let name =
        percent_encoding::utf8_percent_encode(&name.to_string_lossy(), percent_encoding::NON_ALPHANUMERIC).to_string();
    Ok(format!("?src={name}"))
}

/// What the page is made from.
fn sources() -> PathBuf {
    shell::root().join("decoder-core/wasm")
}
