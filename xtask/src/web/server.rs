//! Serves a folder on localhost, in whole files and in parts.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::net::Ipv4Addr;
use std::path::{Component, Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Result, anyhow};
use percent_encoding::percent_decode_str;
use tiny_http::{Header, Method, Request, Response, Server};

/// A folder that is served.
pub struct Site {
    folder: PathBuf,
    server: Server,
    port: u16,
}

/// An answer.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Body,
}

/// What an answer says.
#[derive(Debug)]
enum Body {
    Text(&'static str),
    /// So many bytes from where the file is.
    Part(File, u64),
}

impl Site {
    /// Takes the port; 0 takes any that is free. Nobody outside this machine can ask.
    pub fn open(folder: &Path, port: u16) -> Result<Self> {
        let server = Server::http((Ipv4Addr::LOCALHOST, port))
            .map_err(|error| anyhow!("cannot serve on port {port}: {error}; choose another with --port"))?;
        let port = server.server_addr().to_ip().map_or(port, |address| address.port());
        Ok(Self { folder: folder.canonicalize()?, server, port })
    }

    /// Where it is.
    pub fn address(&self) -> String {
        format!("http://localhost:{}/", self.port)
    }

    /// Answers until the program ends.
    pub fn serve(&self) {
        for request in self.server.incoming_requests() {
            let range = request.headers().iter().find(|header| header.field.equiv("Range"));
            let range = range.map(|header| header.value.as_str().to_owned());
            let answer = answer(&self.folder, request.method(), request.url(), range.as_deref());
            // Whoever went away does not want the answer.
            let _ = send(request, answer);
        }
    }
}

fn send(request: Request, answer: Answer) -> std::io::Result<()> {
    let headers = answer.headers.iter().filter_map(|(name, value)| Header::from_bytes(*name, value.as_bytes()).ok());
    let headers: Vec<Header> = headers.collect();
    match answer.body {
        Body::Text(text) => {
            let response = Response::new(answer.status.into(), headers, text.as_bytes(), Some(text.len()), None);
            request.respond(response)
        }
        Body::Part(file, len) => {
            let response = Response::new(answer.status.into(), headers, file.take(len), Some(len as usize), None)
                .with_chunked_threshold(usize::MAX);
            request.respond(response)
        }
    }
}

/// What to say to a request.
fn answer(folder: &Path, method: &Method, url: &str, range: Option<&str>) -> Answer {
    if !matches!(method, Method::Get | Method::Head) {
        let headers = vec![("Allow", "GET, HEAD".to_owned())];
        return Answer { status: 405, headers, body: Body::Text("only GET and HEAD are answered\n") };
    }
    file(folder, url).and_then(|path| part(&path, range)).unwrap_or_else(|| Answer {
        status: 404,
        headers: vec![("Content-Type", "text/plain".to_owned())],
        body: Body::Text("there is no such file\n"),
    })
}

/// The file that a URL names, if it is one of the folder.
fn file(folder: &Path, url: &str) -> Option<PathBuf> {
    let path = url.split(['?', '#']).next()?.trim_start_matches('/');
    let path = percent_decode_str(path).decode_utf8().ok()?;
    let path = if path.is_empty() { Path::new("index.html") } else { Path::new(path.as_ref()) };
    let inside = path.components().all(|component| matches!(component, Component::Normal(_)));
    // A link could still lead out of the folder.
    let path = inside.then(|| folder.join(path))?.canonicalize().ok()?;
    (path.starts_with(folder) && path.is_file()).then_some(path)
}

/// A file, or the part of it that is asked for.
fn part(path: &Path, range: Option<&str>) -> Option<Answer> {
    let mut file = File::open(path).ok()?;
    let data = fs::metadata(path).ok()?;
    let (len, changed) = (data.len(), data.modified().ok()?.duration_since(UNIX_EPOCH).ok()?);
    let mut headers = vec![
        ("Content-Type", content_type(path).to_owned()),
        ("Accept-Ranges", "bytes".to_owned()),
        ("ETag", format!("\"{len:x}-{:x}\"", changed.as_nanos())),
        ("Cache-Control", "no-cache".to_owned()),
    ];
    match range.and_then(|range| requested(range, len)) {
        None => Some(Answer { status: 200, headers, body: Body::Part(file, len) }),
        Some(None) => {
            headers.push(("Content-Range", format!("bytes */{len}")));
            Some(Answer { status: 416, headers, body: Body::Text("") })
        }
        Some(Some((first, last))) => {
            file.seek(SeekFrom::Start(first)).ok()?;
            headers.push(("Content-Range", format!("bytes {first}-{last}/{len}")));
            Some(Answer { status: 206, headers, body: Body::Part(file, last - first + 1) })
        }
    }
}

/// The first and the last byte of a range of a file of `len` bytes (RFC 9110, section 14.1.2); `Some(None)` if it has none of
/// them, `None` for what may be ignored: several ranges, other units, nonsense.
fn requested(range: &str, len: u64) -> Option<Option<(u64, u64)>> {
    let (first, last) = range.strip_prefix("bytes=")?.trim().split_once('-')?;
    let (first, last) = match (first, last) {
        ("", suffix) => (len.saturating_sub(suffix.parse().ok()?), len.checked_sub(1)),
        (first, "") => (first.parse().ok()?, len.checked_sub(1)),
        (first, last) => {
            let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
            if last < first {
                return None;
            }
            (first, len.checked_sub(1).map(|end| last.min(end)))
        }
    };
    Some(last.filter(|&last| first <= last).map(|last| (first, last)))
}

fn content_type(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("wasm") => "application/wasm",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(answer: Answer) -> Vec<u8> {
        let mut bytes = vec![];
        match answer.body {
            Body::Text(text) => bytes.extend(text.as_bytes()),
            Body::Part(file, len) => drop(file.take(len).read_to_end(&mut bytes).unwrap()),
        }
        bytes
    }

    fn header<'a>(answer: &'a Answer, wanted: &str) -> Option<&'a str> {
        answer.headers.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.as_str())
    }

    #[test]
    fn parts_are_those_that_are_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a b.nvl"), b"0123456789").unwrap();
        let root = folder.path().canonicalize().unwrap();
        let ask = |range| answer(&root, &Method::Get, "/a%20b.nvl?v=1", range);
        for (range, status, shown, told) in [
            (None, 200, "0123456789", None),
            (Some("bytes=0-3"), 206, "0123", Some("bytes 0-3/10")),
            (Some("bytes=8-99"), 206, "89", Some("bytes 8-9/10")),
            (Some("bytes=7-"), 206, "789", Some("bytes 7-9/10")),
            (Some("bytes=-2"), 206, "89", Some("bytes 8-9/10")),
            (Some("bytes=10-12"), 416, "", Some("bytes */10")),
            (Some("bytes=3-1"), 200, "0123456789", None),
            (Some("bytes=0-1,4-5"), 200, "0123456789", None),
            (Some("lines=0-1"), 200, "0123456789", None),
        ] {
            let answer = ask(range);
            assert_eq!((answer.status, header(&answer, "Content-Range")), (status, told), "{range:?}");
            assert_eq!(bytes(answer), shown.as_bytes(), "{range:?}");
        }
    }

    #[test]
    fn nothing_outside_the_folder_is_served() {
        let folder = tempfile::tempdir().unwrap();
        let page = folder.path().join("page");
        fs::create_dir(&page).unwrap();
        fs::write(folder.path().join("secret"), b"secret").unwrap();
        fs::write(page.join("index.html"), b"page").unwrap();
        let root = page.canonicalize().unwrap();
        let ask = |url: &str| answer(&root, &Method::Get, url, None);
        assert_eq!(bytes(ask("/")), b"page");
        let absolute = format!("/{}", folder.path().join("secret").display());
        for url in
            ["/../secret", "/%2e%2e/secret", "/x/../../secret", "//../secret", absolute.as_str(), "/page", "/%ff"]
        {
            assert_eq!(ask(url).status, 404, "{url}");
        }
        assert_eq!(answer(&root, &Method::Post, "/", None).status, 405);
    }
}
