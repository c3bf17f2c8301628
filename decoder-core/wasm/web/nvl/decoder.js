// The WebAssembly module's functions, as JavaScript likes them.

import { NvlError } from "./errors.js";

const LEVELS = ["nano", "micro", "edge", "full"];
/** The module's status codes, in order. */
const STATUS = ["done", "end", "need-more-data", "corrupt", "unsupported", "limit", "order"];
/** A module with one function that returns a vector: valid where simd128 is. */
const SIMD128 = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
]);

/** Whether this machine runs the variant with vectors. */
export const hasSimd128 = () => WebAssembly.validate(SIMD128);

/**
 * Where the module is.
 * @param {boolean} simd the variant with vectors
 */
export const moduleUrl = (simd) => new URL(simd ? "nvl-simd128.wasm" : "nvl.wasm", import.meta.url);

/**
 * Fetches and compiles the module.
 * @param {boolean} [simd] the variant with vectors; by default if this machine has them
 * @returns {Promise<WebAssembly.Module>}
 */
export async function loadModule(simd = hasSimd128()) {
  const url = moduleUrl(simd);
  const response = await fetch(url);
  if (!response.ok) {
    throw new NvlError("read", `The decoder is missing: ${url.pathname} answers ${response.status}.`);
  }
  return WebAssembly.compile(await response.arrayBuffer());
}

/**
 * The decoder of one clip: an instance of the module, whose memory goes with it.
 *
 * Steps in order: `open`; then for any segment `begin` and `next` until it returns false.
 */
export class Decoder {
  #wasm;

  /** @param {WebAssembly.Module} module */
  constructor(module) {
    this.#wasm = new WebAssembly.Instance(module).exports;
  }

  /**
   * Opens a clip.
   * @param {Uint8Array} head its first bytes, at least header and index
   * @returns {Facts}
   * @throws {NvlError} of kind `need-more-data` if header and index are longer
   */
  open(head) {
    this.#put(this.#wasm.head_room(head.length), head);
    this.#check(this.#wasm.open(head.length));
    const words = new Uint32Array(this.#wasm.memory.buffer, this.#wasm.facts(), 10);
    const [width, height, rateNum, rateDen, frames, segments, level, macPerPixel, scratch, headLength] = words;
    return {
      width, height, rateNum, rateDen, frames, segments, level: LEVELS[level], macPerPixel, scratch, headLength,
    };
  }

  /**
   * Where a segment begins.
   * @param {number} number
   * @returns {{ offset: number, firstFrame: number }} `offset` in the file, 0 if the index has no valid one
   */
  segment(number) {
    return {
      offset: this.#wasm.segment_offset(number) >>> 0,
      firstFrame: this.#wasm.segment_first_frame(number) >>> 0,
    };
  }

  /** Takes memory for segments of up to `length` bytes at once, so that it need not grow. */
  reserve(length) {
    if (this.#wasm.segment_room(length) === 0) {
      throw new NvlError("limit", `There is no memory for a segment of ${length} bytes.`);
    }
  }

  /**
   * Begins a segment.
   * @param {number} number
   * @param {Uint8Array} bytes of it
   */
  begin(number, bytes) {
    this.#put(this.#wasm.segment_room(bytes.length), bytes);
    this.#check(this.#wasm.begin(number, bytes.length));
  }

  /** Decodes the segment's next picture; false if there is none left. */
  next() {
    return this.#check(this.#wasm.next_frame()) === "done";
  }

  /** The last picture's planes, Y, U and V one after the other, 4:2:0: a copy. */
  planes({ width, height }) {
    const chroma = Math.ceil(width / 2) * Math.ceil(height / 2);
    return this.#copy(this.#wasm.planes(), width * height + 2 * chroma);
  }

  /** The last picture's pixels for `ImageData`: a copy. */
  rgba({ width, height }) {
    return new Uint8ClampedArray(this.#copy(this.#wasm.rgba(), 4 * width * height).buffer);
  }

  /** How much of the last picture was worked on, in tiles of 16x2 pixels. @returns {Tiles} */
  get tiles() {
    const [all, synthesised, unchanged] = new Uint32Array(this.#wasm.memory.buffer, this.#wasm.tiles(), 3);
    return { all, synthesised, unchanged };
  }

  /** Bytes of the instance's memory. */
  get memory() {
    return this.#wasm.memory.buffer.byteLength;
  }

  #put(at, bytes) {
    if (at === 0) {
      throw new NvlError("limit", `There is no memory for ${bytes.length} bytes.`);
    }
    new Uint8Array(this.#wasm.memory.buffer, at >>> 0, bytes.length).set(bytes);
  }

  #copy(at, length) {
    return new Uint8Array(this.#wasm.memory.buffer, at >>> 0, length).slice();
  }

  #check(code) {
    const status = STATUS[code];
    if (status === "done" || status === "end") {
      return status;
    }
    const message = this.#copy(this.#wasm.message(), this.#wasm.message_len());
    throw new NvlError(status, new TextDecoder().decode(message), { atLeast: this.#wasm.needed() >>> 0 });
  }
}

/**
 * @typedef {object} Facts what the header says
 * @property {number} width luma samples a row
 * @property {number} height luma rows
 * @property {number} rateNum frames per second, numerator
 * @property {number} rateDen frames per second, denominator
 * @property {number} frames pictures
 * @property {number} segments
 * @property {"nano" | "micro" | "edge" | "full"} level
 * @property {number} macPerPixel multiply-accumulates for a luma sample if nothing is skipped
 * @property {number} scratch bytes of memory that the decoder works in
 * @property {number} headLength bytes of header and index
 */

/**
 * @typedef {object} Tiles
 * @property {number} all in the picture
 * @property {number} synthesised that a latent speaks in, so that the network was run
 * @property {number} unchanged that are what they were in the picture before, and cost nothing
 */
