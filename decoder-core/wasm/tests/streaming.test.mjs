// Clips by range requests from the server of `cargo xtask web` (NVL_URL), segment by segment.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import test from "node:test";
import { pathToFileURL } from "node:url";

const load = (name) => import(pathToFileURL(join(process.env.NVL_WEB, "nvl", name)).href);
const { Clip } = await load("clip.js");
const { UrlSource } = await load("source.js");
const module = await WebAssembly.compile(await readFile(join(process.env.NVL_WEB, "nvl", "nvl.wasm")));
const expected = JSON.parse(await readFile(process.env.NVL_EXPECTED, "utf8"));
const { file, frames } = expected.find(({ file }) => file.endsWith("clip.nvl"));
const bytes = await readFile(file);
const address = new URL("clip.nvl", process.env.NVL_URL);

async function decode(clip) {
  const hashes = [];
  for (const number of clip.segments.keys()) {
    await clip.begin(number);
    while (clip.next()) {
      hashes.push(createHash("sha256").update(clip.planes()).digest("hex"));
    }
  }
  return hashes;
}

/** Answers as a server of some kind does while `action` runs. */
async function withServer(answer, action) {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  try {
    return await action(new URL(`http://127.0.0.1:${server.address().port}/clip.nvl`));
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

function part({ headers }) {
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(headers.range);
  const piece = bytes.subarray(Number(from), Number(to) + 1);
  return { piece, range: `bytes ${from}-${Number(from) + piece.length - 1}/${bytes.length}` };
}

test("a clip is read in parts, each once, and no more than one segment ahead", async () => {
  const source = new UrlSource(address);
  const asked = [];
  const read = source.read.bind(source);
  source.read = (start, end) => {
    asked.push([start, end]);
    return read(start, end);
  };
  const clip = await Clip.open(source, module);
  assert.equal(source.size, bytes.length);
  assert.ok(source.ranged);
  const opening = asked.length;
  await clip.begin(1);
  assert.deepEqual(asked.slice(opening), clip.segments.slice(1, 3).map(({ offset, end }) => [offset, end]));
  asked.length = 0;
  assert.deepEqual(await decode(clip), frames);
  const fetched = asked.reduce((sum, [start, end]) => sum + end - start, 0);
  assert.ok(fetched <= bytes.length, `${fetched} bytes of ${bytes.length} were asked for`);
});

test("a server without ranges gives the whole file once", async () => {
  let requests = 0;
  const whole = (_, response) => {
    requests += 1;
    response.end(bytes);
  };
  await withServer(whole, async (url) => {
    const source = new UrlSource(url);
    assert.deepEqual(await decode(await Clip.open(source, module)), frames);
    assert.equal(source.ranged, false);
  });
  assert.equal(requests, 1);
});

test("a server that does not tell the length is asked to the end", async () => {
  const blind = (request, response) => {
    const { piece } = part(request);
    response.writeHead(piece.length ? 206 : 416).end(piece);
  };
  await withServer(blind, async (url) => {
    assert.deepEqual(await decode(await Clip.open(new UrlSource(url), module)), frames);
  });
});

test("errors of the network say what is wrong", async () => {
  await assert.rejects(Clip.open(new UrlSource(new URL("none.nvl", address)), module), /none\.nvl: the server answers 404/);
  await assert.rejects(Clip.open(new UrlSource("http://127.0.0.1:9/clip.nvl"), module), /cannot be reached/);

  let answers = 0;
  const changing = (request, response) => {
    const { piece, range } = part(request);
    answers += 1;
    response.writeHead(206, { "Content-Range": range, ETag: `"${answers}"` }).end(piece);
  };
  await withServer(changing, async (url) => {
    const clip = await Clip.open(new UrlSource(url), module);
    await assert.rejects(clip.begin(0), /changed on the server/);
  });
});

test("a segment that could not be fetched can be asked for again", async () => {
  let broken = true;
  const flaky = (request, response) => {
    const { piece, range } = part(request);
    if (broken && !request.headers.range.startsWith("bytes=0-")) {
      response.writeHead(503).end();
    } else {
      response.writeHead(206, { "Content-Range": range }).end(piece);
    }
  };
  await withServer(flaky, async (url) => {
    const clip = await Clip.open(new UrlSource(url), module);
    await assert.rejects(clip.begin(1), /503/);
    broken = false;
    assert.deepEqual(await decode(clip), frames);
  });
});
