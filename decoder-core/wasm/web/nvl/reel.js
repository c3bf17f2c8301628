// A clip as one run of pictures from any place on, past damage.

/** What comes next of a clip, picture by picture. */
export class Reel {
  #clip;
  #next = 0;
  #segment = null;

  /** Whether every second segment is damaged before it is decoded; of a clip with one segment, that one. */
  damage = false;

  /** @param {import("./clip.js").Clip} clip */
  constructor(clip) {
    this.#clip = clip;
  }

  /** The picture that comes next is `frame`. */
  seek(frame) {
    this.#next = frame;
    this.#segment = null;
  }

  /**
   * Decodes the next picture, whose pixels the clip has then.
   *
   * @returns {Promise<
   *   { status: "picture", frame: number, segment: number } |
   *   { status: "lost", frame: number, frames: number, segment: number, message: string } |
   *   { status: "end" }
   * >} `lost`: from `frame` on, `frames` pictures cannot be decoded; what comes next is after them
   */
  async next() {
    const frame = this.#next;
    if (frame >= this.#clip.facts.frames) {
      return { status: "end" };
    }
    const segment = this.#segment ?? this.#clip.segmentOf(frame);
    const { firstFrame, frames } = this.#clip.segments[segment];
    try {
      if (this.#segment === null) {
        await this.#clip.begin(segment, this.damage && this.damages(segment));
        for (let skipped = firstFrame; skipped < frame; skipped += 1) {
          this.#clip.next();
        }
      }
      if (!this.#clip.next()) {
        throw new Error("it has fewer pictures than the index says");
      }
    } catch (error) {
      this.#next = firstFrame + frames;
      this.#segment = null;
      return { status: "lost", frame, frames: this.#next - frame, segment, message: error.message };
    }
    this.#next = frame + 1;
    this.#segment = this.#next < firstFrame + frames ? segment : null;
    return { status: "picture", frame, segment };
  }

  /** Whether the switch damages a segment. */
  damages(segment) {
    return segment % 2 === 1 || this.#clip.segments.length === 1;
  }
}
