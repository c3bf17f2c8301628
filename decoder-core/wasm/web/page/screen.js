// How large the picture is, and what is shown over it.

const element = (id) => document.getElementById(id);
const FACTORS = ["1", "2", "3", "4", "6", "8"];

/** The picture's place on the page. */
export class Screen {
  #stage = element("stage");
  #scale = element("scale");
  #pixels = element("pixels");
  #lost = element("lost");
  #size = [160, 96];

  canvas = element("screen");

  constructor() {
    this.#scale.addEventListener("change", () => this.#layout());
    this.#pixels.addEventListener("change", () => this.#layout());
    new ResizeObserver(() => this.#layout()).observe(this.#stage);
  }

  /** Shows pictures of another clip. */
  open({ name, facts: { width, height } }) {
    this.#size = [width, height];
    this.#stage.style.setProperty("--aspect", `${width} / ${height}`);
    this.canvas.setAttribute("aria-label", `${name}, ${width} by ${height} pixels`);
    this.#layout();
  }

  /** Says over the picture what is lost; null says nothing. */
  lost(message) {
    this.#stage.classList.toggle("broken", message !== null);
    this.#lost.hidden = message === null;
    this.#lost.textContent = message ?? "";
  }

  /** One factor larger (1) or smaller (-1), or to fit (0). */
  zoom(by) {
    const now = FACTORS.indexOf(this.#scale.value);
    const from = now >= 0 ? now : FACTORS.findLastIndex((factor) => Number(factor) <= this.#fit());
    this.#scale.value = by === 0 ? "fit" : FACTORS[Math.min(Math.max(0, from + by), FACTORS.length - 1)];
    this.#layout();
  }

  /** Sharp pixels become smooth, and the other way round. */
  soften() {
    this.#pixels.value = this.#pixels.value === "sharp" ? "smooth" : "sharp";
    this.#layout();
  }

  /** The largest whole factor at which the picture fits the stage; what fits where 1 is too large. */
  #fit() {
    const [width, height] = this.#size;
    const room = Math.min(this.#stage.offsetWidth / width, this.#stage.offsetHeight / height);
    return room >= 1 ? Math.floor(room) : room;
  }

  #layout() {
    const factor = this.#scale.value === "fit" ? this.#fit() : Number(this.#scale.value);
    const [width, height] = this.#size.map((length) => length * factor);
    Object.assign(this.canvas.style, { width: `${width}px`, height: `${height}px` });
    this.canvas.classList.toggle("smooth", this.#pixels.value === "smooth" || factor < 1);
  }
}
