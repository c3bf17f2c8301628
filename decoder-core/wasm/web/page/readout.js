// The figures of a clip, and those of its decoding.

import { counted, grouped, percent, rounded } from "./format.js";

const element = (id) => document.getElementById(id);
const put = (id, text) => {
  element(id).textContent = text;
};
/** Frames that the chart shows and the mean is taken over. */
const CHART = 96;
/** How often the figures change, ms: no faster than they can be read. */
const PERIOD = 250;
/** MAC/pixel that the levels allow (SPEC section 9). */
const ALLOWED = { nano: 100, micro: 330, edge: 1500, full: 10_000 };

/** The panel of figures. */
export class Readout {
  #player;
  #times = [];
  #tiles = [];
  #shown = [];
  #written = 0;

  /** @param {import("../nvl/player.js").Player} player */
  constructor(player) {
    this.#player = player;
    player.addEventListener("open", () => this.#open());
    player.addEventListener("picture", ({ detail }) => this.#picture(detail));
    player.addEventListener("state", () => {
      this.#shown = [];
      this.#write();
    });
  }

  #open() {
    const { clip, interval } = this.#player;
    const { facts, name, size, simd, memory } = clip;
    const seconds = (facts.frames * interval) / 1000;
    this.#times = [];
    this.#tiles = [];
    this.#shown = [];
    put("name", name);
    const rate = rounded(facts.rateNum / facts.rateDen).replace(/\.0+$/, "");
    put("facts", `${facts.width}\u00d7${facts.height}, ${rate} frames/s, ${seconds.toFixed(1)} s, `
      + `${counted(facts.segments, "segment")}, level ${facts.level}`);
    put("mac", grouped(facts.macPerPixel));
    put("mac-note", `at most ${grouped(ALLOWED[facts.level])} in ${facts.level}`);
    put("scratch", grouped(facts.scratch));
    put("scratch-note", `${grouped(memory / 1024)} KiB with buffers`);
    const pixels = facts.width * facts.height * facts.frames;
    put("bytes", size === null ? "?" : grouped(size));
    put("bpp", size === null ? "?" : rounded((8 * size) / pixels));
    put("bpp-note", size === null ? "" : `${rounded((8 * size) / seconds / 1000)} kb/s`);
    put("times-note", `a frame lasts ${rounded(interval)} ms; ${simd ? "with" : "without"} simd128`);
    this.#write();
  }

  #picture({ tiles, decodeMs, convertMs }) {
    this.#times = [...this.#times, decodeMs + convertMs].slice(-CHART);
    this.#tiles = [...this.#tiles, tiles].slice(-CHART);
    const now = performance.now();
    this.#shown = [...this.#shown.filter((time) => now - time < 2000), now];
    if (now - this.#written >= PERIOD || this.#player.paused) {
      this.#write();
    }
  }

  #write() {
    this.#written = performance.now();
    const { clip, counts, paused } = this.#player;
    if (!clip) {
      return;
    }
    put("read", grouped(counts.bytesRead));
    if (this.#times.length > 0) {
      const mean = this.#times.reduce((sum, time) => sum + time) / this.#times.length;
      put("ms", rounded(mean));
      put("ms-note", `up to ${grouped(1000 / mean)} frames/s`);
      const [all, synthesised, unchanged] = ["all", "synthesised", "unchanged"].map((what) =>
        this.#tiles.reduce((sum, tiles) => sum + tiles[what], 0));
      put("skipped", percent(all - synthesised, all));
      put("skipped-note", `${percent(unchanged, all)} % as they were`);
      this.#draw();
    }
    const [first, last] = [this.#shown[0], this.#shown.at(-1)];
    const rate = this.#shown.length > 2 ? (1000 * (this.#shown.length - 1)) / (last - first) : 0;
    put("fps", paused || rate === 0 ? "\u2013" : rate.toFixed(1));
    const losses = [[counts.late, "late"], [counts.lost, "lost"]].filter(([number]) => number > 0);
    put("fps-note", losses.map(([number, what]) => `${grouped(number)} ${what}`).join(", ") || "none late, none lost");
  }

  /** A bar a frame; the highest is the slowest. */
  #draw() {
    const top = Math.max(...this.#times, 0.1);
    const from = CHART - this.#times.length;
    const bars = this.#times.map((time, at) => {
      const height = ((30 * time) / top).toFixed(2);
      return `M${from + at + 0.1} 32v-${height}h.8v${height}z`;
    });
    element("times").firstElementChild.setAttribute("d", bars.join(""));
  }
}
