// Plays a clip on a canvas. The decoder runs in a worker; this module keeps the time.

import { NvlError } from "./errors.js";

/** Pictures that are decoded ahead. */
const AHEAD = 3;
/** A picture may be shown this much before it is due: half of a frame of a fast display, ms. */
const EARLY = 4;

/**
 * A player of `.nvl` clips.
 *
 * Events, each a `CustomEvent`:
 * - `open`: a clip is open; `detail` is what `clip` is then
 * - `picture`: a picture is on the canvas; `detail` is `{ frame, segment, tiles, decodeMs, convertMs }`
 * - `lost`: `detail.frames` pictures from `detail.frame` on cannot be decoded because of `detail.message`;
 *   the last picture stays for as long as they would have taken
 * - `state`: `paused` has changed
 * - `end`: the clip is over and does not loop
 */
export class Player extends EventTarget {
  #canvas;
  #simd;
  #link = null;
  #queue = [];
  #pending = 0;
  #generation = 0;
  #due = 0;
  #animation = null;
  #wanted = null;
  #seekAfter = null;
  #toward = 0;

  /** Whether the clip begins again when it is over. */
  loop;
  /** Whether bytes of every second segment are damaged before they are decoded, to see what a decoder does then. */
  damage = false;
  /** What is open: `facts` of the header, `segments`, `name`, `size` in bytes, `simd`, or null. */
  clip = null;
  /** Number of the picture on the canvas. */
  frame = 0;
  /** Pictures since the clip was opened: on the canvas, decoded too late for it, and lost; bytes read. */
  counts = { shown: 0, late: 0, lost: 0, bytesRead: 0 };

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {{ loop?: boolean, simd?: boolean }} [options] `simd`: which variant of the decoder; by default what the
   *   machine can do
   */
  constructor(canvas, { loop = false, simd } = {}) {
    super();
    this.#canvas = canvas;
    this.#simd = simd;
    this.loop = loop;
  }

  /** Whether the clip stands still. */
  get paused() {
    return this.#animation === null;
  }

  /** Duration of a picture in milliseconds. */
  get interval() {
    return this.clip ? (1000 * this.clip.facts.rateDen) / this.clip.facts.rateNum : 0;
  }

  /**
   * Opens a clip and shows its first picture. The clip that was open goes on if this one cannot be opened.
   * @param {string | URL | Blob | ArrayBuffer | Uint8Array} from a string is a URL, relative to the page
   * @throws {NvlError} that says what is wrong with it
   */
  async open(from) {
    const link = new Link();
    try {
      const url = typeof from === "string" || from instanceof URL;
      const place = url ? new URL(from, document.baseURI).href : from;
      const clip = await link.ask("open", { from: place, simd: this.#simd });
      this.close();
      this.clip = clip;
    } catch (error) {
      link.end();
      throw error;
    }
    this.#link = link;
    Object.assign(this.counts, { shown: 0, late: 0, lost: 0, bytesRead: 0 });
    this.#canvas.width = this.clip.facts.width;
    this.#canvas.height = this.clip.facts.height;
    this.#emit("open", this.clip);
    await this.seek(0);
  }

  /** Ends the worker and gives its memory back. */
  close() {
    this.pause();
    this.#link?.end();
    this.#link = null;
    this.clip = null;
    this.#drop();
    this.#seekAfter = null;
  }

  /** Goes on, or begins again if the clip is over. */
  play() {
    if (!this.clip || !this.paused) {
      return;
    }
    if (this.#toward >= this.clip.facts.frames) {
      this.seek(0);
    }
    this.#due = performance.now();
    this.#animation = requestAnimationFrame((now) => this.#tick(now));
    this.#fill();
    this.#emit("state");
  }

  /** Stops where it is. */
  pause() {
    if (this.paused) {
      return;
    }
    cancelAnimationFrame(this.#animation);
    this.#animation = null;
    this.#emit("state");
  }

  /** Plays if it is paused, and the other way round. */
  toggle() {
    return this.paused ? this.play() : this.pause();
  }

  /**
   * Shows picture `frame`; returns when it is shown, or another that was asked for meanwhile.
   * A segment is decoded from its beginning, so the nearer to that, the sooner.
   */
  async seek(frame) {
    if (!this.clip) {
      return;
    }
    const target = Math.min(Math.max(0, Math.round(frame)), this.clip.facts.frames - 1);
    if (this.#wanted) {
      // One at a time: of those that are asked for meanwhile, the last.
      this.#seekAfter = target;
      await this.#wanted.promise;
      return;
    }
    this.#drop();
    this.#toward = target;
    this.#wanted = withResolvers();
    const { promise } = this.#wanted;
    this.#link.ask("seek", { frame: target, damage: this.damage });
    this.#fill();
    await promise;
  }

  /** Shows the first picture of a segment. */
  seekSegment(number) {
    const segments = this.clip?.segments ?? [];
    return this.seek(segments[Math.min(Math.max(0, number), segments.length - 1)]?.firstFrame ?? 0);
  }

  /** Number of the segment of the picture on the canvas. */
  get segment() {
    return Math.max(0, this.clip?.segments.findLastIndex(({ firstFrame }) => firstFrame <= this.frame) ?? 0);
  }

  /** Pauses, and shows the next picture, or with -1 the one before. */
  async step(by = 1) {
    this.pause();
    // A step that is asked for while a picture is awaited comes after it.
    while (this.#wanted) {
      await this.#wanted.promise;
    }
    if (!this.clip) {
      return;
    }
    if (by !== 1) {
      await this.seek(this.frame + by);
      return;
    }
    this.#wanted = withResolvers();
    const { promise } = this.#wanted;
    this.#fill();
    this.#settle();
    await promise;
  }

  /** Asks for pictures until enough are on their way: one while a picture is awaited, some while it plays. */
  #fill() {
    const ahead = this.paused ? 1 : AHEAD;
    while (this.#link && this.#queue.length + this.#pending < ahead && this.#queue.at(-1)?.status !== "end") {
      this.#request(this.#generation);
    }
  }

  async #request(generation) {
    this.#pending += 1;
    const link = this.#link;
    const item = await link.ask("next", { damage: this.damage }).catch(({ message }) => ({ status: "end", message }));
    if (generation !== this.#generation || link !== this.#link) {
      return;
    }
    this.#pending -= 1;
    this.counts.bytesRead = item.bytesRead ?? this.counts.bytesRead;
    this.#queue.push(item);
    this.#settle();
    if (!this.paused) {
      this.#fill();
    }
  }

  /** Shows what was awaited, if it has come. */
  #settle() {
    if (!this.#wanted || this.#queue.length === 0) {
      return;
    }
    const item = this.#queue.shift();
    this.#show(item);
    if (item.status === "lost" && !this.paused) {
      this.#due += item.frames * this.interval;
    }
    const wanted = this.#wanted;
    this.#wanted = null;
    wanted.resolve();
    const after = this.#seekAfter;
    this.#seekAfter = null;
    if (after !== null) {
      this.seek(after);
    } else if (!this.paused) {
      this.#due = Math.max(this.#due, performance.now() + this.interval);
    }
  }

  #tick(now) {
    this.#animation = requestAnimationFrame((next) => this.#tick(next));
    if (this.#wanted) {
      return;
    }
    let latest = null;
    while (this.#queue.length > 0 && now + EARLY >= this.#due) {
      const item = this.#queue.shift();
      if (item.status === "end") {
        this.#show(latest);
        this.#end();
        return;
      }
      if (latest) {
        this.counts.late += 1;
      }
      if (item.status === "picture") {
        latest = item;
      } else {
        this.#show(item);
      }
      // A picture that came late moves the ones after it: nothing is hurried.
      const late = now - this.#due > 2 * this.interval;
      this.#due = (late ? now : this.#due) + (item.frames ?? 1) * this.interval;
    }
    this.#show(latest);
    this.#fill();
  }

  #end() {
    if (this.loop) {
      this.seek(0);
    } else {
      this.pause();
      this.#emit("end");
    }
  }

  #show(item) {
    if (item?.status === "picture") {
      const { width, height } = this.clip.facts;
      const pixels = new Uint8ClampedArray(item.pixels);
      this.#canvas.getContext("2d").putImageData(new ImageData(pixels, width, height), 0, 0);
      this.frame = item.frame;
      this.#toward = item.frame + 1;
      this.counts.shown += 1;
      const { frame, segment, tiles, decodeMs, convertMs } = item;
      this.#emit("picture", { frame, segment, tiles, decodeMs, convertMs });
    } else if (item?.status === "lost") {
      const { frame, frames, segment, message } = item;
      this.frame = frame;
      this.#toward = frame + frames;
      this.counts.lost += frames;
      this.#emit("lost", { frame, frames, segment, message });
    }
  }

  #drop() {
    this.#generation += 1;
    this.#queue = [];
    this.#pending = 0;
    this.#wanted?.resolve();
    this.#wanted = null;
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** A worker, and the answers that it owes. */
class Link {
  #worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  #owed = new Map();
  #id = 0;

  constructor() {
    this.#worker.onmessage = ({ data: { id, result, error } }) => {
      const { resolve, reject } = this.#owed.get(id);
      this.#owed.delete(id);
      if (error) {
        reject(new NvlError(error.kind ?? "read", error.message, error));
      } else {
        resolve(result);
      }
    };
    this.#worker.onerror = ({ message }) => {
      const error = new NvlError("read", message ?? "The decoder's thread could not be started.");
      this.#owed.forEach(({ reject }) => reject(error));
      this.#owed.clear();
    };
  }

  ask(method, argument) {
    this.#id += 1;
    this.#worker.postMessage({ id: this.#id, method, argument });
    const owed = withResolvers();
    this.#owed.set(this.#id, owed);
    return owed.promise;
  }

  end() {
    this.#worker.terminate();
  }
}

function withResolvers() {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
}
