// The module without a browser: frames equal the native decoder's, damage stays within its segment.
//
// `cargo xtask web --test` runs this with NVL_WEB, the assembled page, and NVL_EXPECTED, a JSON file:
// [{ "file": path, "frames": [SHA-256 of a frame's planes, ...] }, ...] from the native decoder.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";
import { pathToFileURL } from "node:url";

const web = process.env.NVL_WEB;
const expected = JSON.parse(await readFile(process.env.NVL_EXPECTED, "utf8"));
const load = (name) => import(pathToFileURL(join(web, "nvl", name)).href);
const { Clip } = await load("clip.js");
const { BlobSource } = await load("source.js");

const module = async (name) => WebAssembly.compile(await readFile(join(web, "nvl", name)));
const variants = [["portable", await module("nvl.wasm")], ["simd128", await module("nvl-simd128.wasm")]];

const source = (bytes) => new BlobSource(new Blob([bytes]), "clip.nvl");
const hash = (clip) => createHash("sha256").update(clip.planes()).digest("hex");

/** Hashes of the pictures of segments; null for a picture that is lost. */
async function decode(clip, segments, damage = () => false) {
  const hashes = [];
  for (const number of segments) {
    const { frames } = clip.segments[number];
    const shown = [];
    try {
      await clip.begin(number, damage(number));
      while (clip.next()) {
        shown.push(hash(clip));
      }
    } catch (error) {
      assert.equal(error.kind, "corrupt");
    }
    hashes.push(...shown, ...Array(frames - shown.length).fill(null));
  }
  return hashes;
}

for (const [name, module] of variants) {
  test(`${name}: every frame is the native decoder's`, async () => {
    assert.ok(expected.length > 10);
    for (const { file, frames } of expected) {
      const clip = await Clip.open(source(await readFile(file)), module);
      assert.deepEqual(await decode(clip, clip.segments.keys()), frames, file);
    }
  });

  test(`${name}: segments in any order, and memory does not grow`, async () => {
    for (const { file, frames } of expected) {
      const clip = await Clip.open(source(await readFile(file)), module);
      const { memory } = clip;
      for (const number of [...clip.segments.keys()].reverse()) {
        const { firstFrame, frames: count } = clip.segments[number];
        assert.deepEqual(await decode(clip, [number]), frames.slice(firstFrame, firstFrame + count), file);
      }
      assert.equal(clip.memory, memory, file);
    }
  });

  test(`${name}: a damaged segment is lost, and no other`, async () => {
    const { file, frames } = expected.find(({ file }) => file.endsWith("clip.nvl"));
    const clip = await Clip.open(source(await readFile(file)), module);
    assert.ok(clip.segments.length > 2);
    const { firstFrame, frames: count } = clip.segments[1];
    const wanted = frames.map((hash, frame) => (frame >= firstFrame && frame < firstFrame + count ? null : hash));
    assert.deepEqual(await decode(clip, clip.segments.keys(), (number) => number === 1), wanted);
  });
}

test("pixels are those of the planes", async () => {
  const { file } = expected.find(({ file }) => file.endsWith("clip.nvl"));
  const clip = await Clip.open(source(await readFile(file)), variants[0][1]);
  await clip.begin(0);
  clip.next();
  const [planes, rgba] = [clip.planes(), clip.rgba()];
  const { width, height } = clip.facts;
  assert.equal(rgba.length, 4 * width * height);
  // Weighted by the standard's luma coefficients, red, green and blue give luma back, wherever none was clipped.
  for (let at = 0; at < width * height; at += 1) {
    const [r, g, b, alpha] = rgba.subarray(4 * at, 4 * at + 4);
    assert.equal(alpha, 255);
    if (Math.min(r, g, b) > 0 && Math.max(r, g, b) < 255) {
      const luma = 16 + ((0.299 * r + 0.587 * g + 0.114 * b) * 219) / 255;
      assert.ok(Math.abs(luma - planes[at]) < 1.5, `pixel ${at}: ${luma} for ${planes[at]}`);
    }
  }
});

test("errors say what a file is", async () => {
  const [, module] = variants[0];
  const { file } = expected.find(({ file }) => file.endsWith("clip.nvl"));
  const bytes = await readFile(file);
  const version = Buffer.from(bytes);
  version[3] = 99;
  const header = Buffer.from(bytes);
  header[8] ^= 1;
  for (const [name, content, says] of [
    ["empty", new Uint8Array(), /is empty/],
    ["text", new TextEncoder().encode("hello, world"), /does not begin with the letters NVL/],
    ["mp4", new TextEncoder().encode("\0\0\0\x18ftypisom"), /MP4.*cargo xtask encode/],
    ["page", new TextEncoder().encode("<!DOCTYPE html><title>404"), /a web page/],
    ["version", version, /version 99/],
    ["header", header, /checksum/],
    ["cut", bytes.subarray(0, 20), /ends after 20 bytes/],
  ]) {
    await assert.rejects(Clip.open(source(content), module), says, name);
  }
  // What is there of a file without its end is shown.
  const clip = await Clip.open(source(bytes.subarray(0, bytes.length - 1)), module);
  const last = clip.segments.length - 1;
  assert.equal((await decode(clip, [0])).includes(null), false);
  await assert.rejects(clip.begin(last), /ends after/);
});
