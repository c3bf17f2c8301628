// Where a clip's bytes come from: any part, when it is wanted.

import { NvlError } from "./errors.js";

/**
 * @typedef {object} Source
 * @property {string} name what to call it
 * @property {number | null} size in bytes; null until the first read of a URL
 * @property {number} bytesRead bytes got so far
 * @property {(start: number, end: number) => Promise<Uint8Array>} read bytes `start` to `end`, fewer at the end of the file
 */

/** A file on this machine, or bytes in memory. */
export class BlobSource {
  bytesRead = 0;

  /** @param {Blob} blob @param {string} [name] */
  constructor(blob, name = blob.name ?? "the file") {
    this.name = name;
    this.size = blob.size;
    this.blob = blob;
  }

  async read(start, end) {
    try {
      const bytes = new Uint8Array(await this.blob.slice(start, end).arrayBuffer());
      this.bytesRead += bytes.length;
      return bytes;
    } catch {
      throw new NvlError("read", `${this.name} cannot be read: it may have been moved, or changed since it was chosen.`);
    }
  }
}

/** A file on a server, read by range requests; one that does not have them is asked once and kept. */
export class UrlSource {
  bytesRead = 0;
  size = null;
  #whole = null;
  #tag = null;

  /** @param {string | URL} url absolute */
  constructor(url) {
    this.url = new URL(url);
    this.name = decodeURIComponent(this.url.pathname.split("/").pop()) || this.url.host;
  }

  /** Whether the server gives parts; until the first read it is taken to. */
  get ranged() {
    return this.#whole === null;
  }

  async read(start, end) {
    if (this.#whole) {
      return this.#whole.slice(start, end);
    }
    const response = await this.#get({ Range: `bytes=${start}-${end - 1}` });
    if (response.status === 416) {
      return new Uint8Array();
    }
    if (response.status !== 200 && response.status !== 206) {
      throw new NvlError("read", `${this.name}: the server answers ${response.status} ${response.statusText}`.trim());
    }
    const bytes = await this.#bytes(response);
    this.bytesRead += bytes.length;
    if (response.status === 200) {
      this.#whole = bytes;
      this.size = bytes.length;
      return bytes.slice(start, end);
    }
    this.#checkRange(response, start, bytes.length);
    return bytes;
  }

  async #get(headers) {
    try {
      return await fetch(this.url, { headers });
    } catch {
      const elsewhere = this.url.origin !== globalThis.location?.origin;
      const hint = elsewhere ? ", or it does not allow other sites to read it (CORS)" : "";
      throw new NvlError("read", `${this.name}: ${this.url.host} cannot be reached${hint}.`);
    }
  }

  async #bytes(response) {
    try {
      return new Uint8Array(await response.arrayBuffer());
    } catch {
      throw new NvlError("read", `${this.name}: the connection broke off.`);
    }
  }

  /** Takes the size from the answer, and sees to it that all parts are of one file. */
  #checkRange(response, start, length) {
    const [, from, size] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get("Content-Range") ?? "") ?? [];
    const tag = response.headers.get("ETag");
    const moved = from !== undefined && Number(from) !== start;
    const changed = (this.#tag !== null && this.#tag !== tag)
      || (this.size !== null && size !== undefined && size !== "*" && this.size !== Number(size));
    if (moved || changed) {
      throw new NvlError("read", `${this.name} changed on the server while it was read: open it again.`);
    }
    this.#tag = tag;
    if (size !== undefined && size !== "*") {
      this.size = Number(size);
    }
    if (this.size !== null && start + length > this.size) {
      throw new NvlError("read", `${this.name}: the server gave more bytes than the file has.`);
    }
  }
}

/**
 * A source of whatever can be one.
 * @param {string | URL | Blob | ArrayBuffer | Uint8Array} from a string is a URL, relative to the page
 * @returns {Source}
 */
export function sourceOf(from) {
  if (typeof from === "string" || from instanceof URL) {
    return new UrlSource(new URL(from, globalThis.document?.baseURI ?? globalThis.location?.href));
  }
  return new BlobSource(from instanceof Blob ? from : new Blob([from]));
}
