// The slider with the segments under it, and the clock.

import { grouped } from "./format.js";

const element = (id) => document.getElementById(id);
/** More segments than this have no gaps between them. */
const MANY = 60;

/** Where the clip is, and the way to be elsewhere. */
export class Timeline {
  #position = element("position");
  #strip = element("segments");
  #player;

  /** @param {import("../nvl/player.js").Player} player */
  constructor(player) {
    this.#player = player;
    this.#position.addEventListener("input", () => player.seek(Number(this.#position.value)));
    player.addEventListener("open", () => this.#open());
    player.addEventListener("picture", () => this.#show());
    player.addEventListener("lost", ({ detail }) => this.#show(detail.segment));
  }

  /** Forgets which segments were lost. */
  heal() {
    for (const segment of this.#strip.children) {
      segment.classList.remove("bad");
    }
  }

  #open() {
    const { segments, facts } = this.#player.clip;
    this.#position.max = String(facts.frames - 1);
    this.#strip.classList.toggle("many", segments.length > MANY);
    this.#strip.replaceChildren(
      ...segments.map(({ frames }) => {
        const segment = document.createElement("span");
        segment.style.flexGrow = String(frames);
        return segment;
      }),
    );
    element("duration").textContent = ((facts.frames * this.#player.interval) / 1000).toFixed(2);
    this.#show();
  }

  #show(lost = null) {
    const { frame, segment, clip, interval } = this.#player;
    const { segments, facts } = clip;
    this.#position.value = String(frame);
    const seconds = ((frame * interval) / 1000).toFixed(2);
    element("time").textContent = seconds;
    element("frame").textContent = `frame ${grouped(frame + 1)} of ${grouped(facts.frames)}`;
    element("segment").textContent = `segment ${grouped(segment + 1)} of ${grouped(segments.length)}`;
    this.#position.setAttribute(
      "aria-valuetext",
      `${seconds} seconds, frame ${frame + 1} of ${facts.frames}, segment ${segment + 1} of ${segments.length}`,
    );
    // Where the slider's thumb is: at the left end with the first frame, at the right end with the last.
    const thumb = (frame / Math.max(1, facts.frames - 1)) * facts.frames;
    segments.forEach(({ firstFrame, frames }, number) => {
      const done = Math.min(Math.max(0, (thumb - firstFrame) / frames), 1);
      this.#strip.children[number].style.setProperty("--done", String(done));
    });
    this.#strip.children[segment].classList.toggle("bad", lost === segment);
  }
}
