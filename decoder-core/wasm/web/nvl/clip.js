// A clip over a source: its head once, then one segment at a time, so that memory is bounded whatever its length.

import { Decoder } from "./decoder.js";
import { NvlError, notAStream } from "./errors.js";

/** Bytes of the first read: head and index of most clips. */
const FIRST_READ = 4096;

/** A clip that is open. */
export class Clip {
  #source;
  #decoder;
  #ahead = null;
  #beginMs = 0;

  /** Time that the decoder spent on the last picture, ms; on a segment's first, with the segment's beginning. */
  decodeMs = 0;

  /**
   * Reads header and index.
   * @param {import("./source.js").Source} source
   * @param {WebAssembly.Module} module
   * @returns {Promise<Clip>}
   */
  static async open(source, module) {
    const decoder = new Decoder(module);
    let head = await source.read(0, FIRST_READ);
    if (head.length < 3 || head[0] !== 0x4e || head[1] !== 0x56 || head[2] !== 0x4c) {
      throw notAStream(head, source.name);
    }
    for (;;) {
      try {
        return new Clip(source, decoder, decoder.open(head));
      } catch (error) {
        if (error.kind !== "need-more-data") {
          throw error instanceof NvlError ? new NvlError(error.kind, `${source.name}: ${error.message}.`) : error;
        }
        head = await more(source, head, error.atLeast);
      }
    }
  }

  constructor(source, decoder, facts) {
    this.#source = source;
    this.#decoder = decoder;
    /** What the header says. */
    this.facts = facts;
    const starts = Array.from({ length: facts.segments }, (_, number) => decoder.segment(number));
    /** The segments: where they lie and which pictures they have. A file of unknown length has no `end` for the last. */
    this.segments = starts.map(({ offset, firstFrame }, number) => ({
      offset,
      end: starts[number + 1]?.offset ?? source.size ?? null,
      firstFrame,
      frames: (starts[number + 1]?.firstFrame ?? facts.frames) - firstFrame,
    }));
    const length = ({ offset, end }) => Math.min(end ?? 0, source.size ?? Infinity) - offset;
    const longest = this.segments.reduce((longest, segment) => Math.max(longest, length(segment)), 0);
    if (longest > 0) {
      decoder.reserve(longest);
    }
  }

  /** The segment that picture `frame` is in. */
  segmentOf(frame) {
    return Math.max(0, this.segments.findLastIndex(({ firstFrame }) => firstFrame <= frame));
  }

  /**
   * Reads a segment and begins it; the one after it is fetched meanwhile.
   * @param {number} number
   * @param {boolean} [damage] whether to flip some of its bits before the decoder sees them
   * @throws {NvlError} if the segment is damaged; any other can be begun
   */
  async begin(number, damage = false) {
    const bytes = await this.#bytesOf(number);
    this.#fetchAhead(number + 1);
    const started = performance.now();
    try {
      this.#decoder.begin(number, damage ? damaged(bytes) : bytes);
    } catch (error) {
      throw error.kind === "need-more-data" ? cutOff(this.#source, number) : error;
    }
    this.#beginMs = performance.now() - started;
  }

  /** Decodes the segment's next picture; false if there is none left. */
  next() {
    const started = performance.now();
    const more = this.#decoder.next();
    this.decodeMs = performance.now() - started + this.#beginMs;
    this.#beginMs = 0;
    return more;
  }

  /** The last picture for `ImageData`. */
  rgba() {
    return this.#decoder.rgba(this.facts);
  }

  /** The last picture's planes, 4:2:0. */
  planes() {
    return this.#decoder.planes(this.facts);
  }

  /** How much of the last picture was worked on. */
  get tiles() {
    return this.#decoder.tiles;
  }

  /** Bytes of the decoder's whole memory: head, one segment, scratch, one picture twice. */
  get memory() {
    return this.#decoder.memory;
  }

  #bytesOf(number) {
    if (this.#ahead?.number === number) {
      const { bytes } = this.#ahead;
      this.#ahead = null;
      return bytes;
    }
    return this.#read(number);
  }

  #fetchAhead(number) {
    if (number < this.segments.length && this.#ahead?.number !== number) {
      const bytes = this.#read(number);
      // Whoever wants the segment sees the error.
      bytes.catch(() => {});
      this.#ahead = { number, bytes };
    }
  }

  async #read(number) {
    const { offset, end } = this.segments[number];
    const { size } = this.#source;
    if (offset === 0 || (end !== null && end <= offset)) {
      throw new NvlError("corrupt", `the index has no valid place for segment ${number + 1}`);
    }
    if (size !== null && Math.max(end ?? 0, offset + 1) > size) {
      throw cutOff(this.#source, number);
    }
    // Without a known end: in pieces, until nothing comes.
    const bytes = end !== null ? await this.#source.read(offset, end) : await toTheEnd(this.#source, offset);
    if (end !== null && bytes.length < end - offset) {
      throw cutOff(this.#source, number);
    }
    return bytes;
  }
}

function cutOff({ name, size }, number) {
  const where = size === null ? "" : ` after ${size} bytes`;
  return new NvlError("corrupt", `${name} was cut off: it ends${where}, before segment ${number + 1} does`);
}

/** `head` and what comes after it, `length` bytes in all. */
async function more(source, head, length) {
  const rest = head.length < (source.size ?? Infinity) ? await source.read(head.length, length) : new Uint8Array();
  if (head.length + rest.length < length) {
    const ends = head.length + rest.length;
    throw new NvlError("corrupt", `${source.name} ends after ${ends} bytes, inside its header or index: it was cut off.`);
  }
  return joined([head, rest]);
}

async function toTheEnd(source, offset) {
  const pieces = [];
  for (let at = offset; ; at += pieces.at(-1).length) {
    const piece = await source.read(at, at + (1 << 16));
    if (piece.length === 0) {
      return joined(pieces);
    }
    pieces.push(piece);
  }
}

function joined(pieces) {
  const bytes = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** A copy with three bytes changed, about the middle: what a scratch in a memory card or a lost packet does. */
function damaged(bytes) {
  const copy = bytes.slice();
  for (const part of [0.4, 0.5, 0.6]) {
    copy[Math.floor(part * copy.length)] ^= 0x55;
  }
  return copy;
}
