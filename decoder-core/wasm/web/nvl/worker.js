// The decoder's thread: reads, decodes and converts, so that the page stays fluid.
//
// A message is { id, method, argument }, its answer { id, result } or { id, error }. They are dealt with in order.

import { Clip } from "./clip.js";
import { hasSimd128, loadModule } from "./decoder.js";
import { Reel } from "./reel.js";
import { sourceOf } from "./source.js";

let source = null;
let clip = null;
let reel = null;

const methods = {
  /** Opens a URL, a File or bytes. */
  async open({ from, simd = hasSimd128() }) {
    source = sourceOf(from);
    clip = await Clip.open(source, await loadModule(simd));
    reel = new Reel(clip);
    const { facts, segments, memory } = clip;
    return { facts, segments, memory, name: source.name, size: source.size, simd };
  },

  seek({ frame, damage }) {
    reel.damage = damage;
    reel.seek(frame);
  },

  async next({ damage }) {
    reel.damage = damage;
    const item = await reel.next();
    const { bytesRead } = source;
    if (item.status !== "picture") {
      return { ...item, bytesRead };
    }
    const { tiles, decodeMs } = clip;
    const started = performance.now();
    const { buffer } = clip.rgba();
    return { ...item, bytesRead, tiles, decodeMs, convertMs: performance.now() - started, pixels: buffer };
  },
};

let last = Promise.resolve();

globalThis.onmessage = ({ data: { id, method, argument } }) => {
  last = last.then(async () => {
    try {
      const result = await methods[method](argument);
      postMessage({ id, result }, result?.pixels ? [result.pixels] : []);
    } catch ({ kind, message, atLeast }) {
      postMessage({ id, error: { kind, message, atLeast } });
    }
  });
};
