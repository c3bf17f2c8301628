// Errors with a kind that a program can ask for and a message that a person can read.

/**
 * What went wrong with a stream.
 *
 * `kind` is one of
 * - `need-more-data`: the bytes end too early; `atLeast` bytes are needed
 * - `corrupt`: no stream, or a damaged one
 * - `unsupported`: a version of the format that this decoder does not read
 * - `limit`: larger than the format allows, or than there is memory for
 * - `order`: a step before the one that it depends on
 * - `read`: the bytes could not be got; `message` says why
 */
export class NvlError extends Error {
  /** @param {string} kind @param {string} message @param {{ atLeast?: number }} [details] */
  constructor(kind, message, { atLeast } = {}) {
    super(message);
    this.name = "NvlError";
    this.kind = kind;
    this.atLeast = atLeast;
  }
}

const text = (bytes, from, to) => String.fromCharCode(...bytes.subarray(from, to));
const begins = (...codes) => (bytes) => codes.every((code, at) => bytes[at] === code);

/** What files of other kinds begin with. */
const KINDS = [
  ["an MP4 or QuickTime video", (bytes) => text(bytes, 4, 8) === "ftyp", true],
  ["a Matroska or WebM video", begins(0x1a, 0x45, 0xdf, 0xa3), true],
  ["a Y4M video", (bytes) => text(bytes, 0, 9) === "YUV4MPEG2", true],
  ["an AVI video", (bytes) => text(bytes, 0, 4) === "RIFF" && text(bytes, 8, 12) === "AVI ", true],
  ["an IVF video", (bytes) => text(bytes, 0, 4) === "DKIF", true],
  ["a GIF", (bytes) => text(bytes, 0, 4) === "GIF8", true],
  ["a WebP picture", (bytes) => text(bytes, 0, 4) === "RIFF" && text(bytes, 8, 12) === "WEBP", false],
  ["a PNG picture", begins(0x89, 0x50, 0x4e, 0x47), false],
  ["a JPEG picture", begins(0xff, 0xd8, 0xff), false],
  ["a PDF document", (bytes) => text(bytes, 0, 4) === "%PDF", false],
  ["a ZIP archive", (bytes) => text(bytes, 0, 4) === "PK\x03\x04", false],
  ["a gzip archive", begins(0x1f, 0x8b), false],
  ["a web page, perhaps a server's error", (bytes) => /^\s*<(!doctype|html)/i.test(text(bytes, 0, 32)), false],
];

/**
 * Says what a file is that does not begin as a stream does, and what to do about it.
 *
 * @param {Uint8Array} head its first bytes
 * @param {string} name what to call it
 * @returns {NvlError}
 */
export function notAStream(head, name) {
  if (head.length === 0) {
    return new NvlError("corrupt", `${name} is empty.`);
  }
  const kind = KINDS.find(([, matches]) => matches(head));
  if (!kind) {
    return new NvlError("corrupt", `${name} is no NVL stream: it does not begin with the letters NVL.`);
  }
  const [what, , isVideo] = kind;
  const advice = isVideo ? ` Encode it first: cargo xtask encode ${JSON.stringify(name)} -o clip.nvl` : "";
  return new NvlError("corrupt", `${name} is ${what}, no NVL stream.${advice}`);
}
