// The films: pictures come as grey PNGs, luma above the two chroma planes, and become YUV again here.

class Film {
  constructor(pictures, width, height) {
    Object.assign(this, { pictures, width, height, chroma: (width + 1) >> 1, planes: [] });
  }

  // Unpacks the picture with this number.
  async unpack(number) {
    const image = new Image();
    image.src = "data:image/png;base64," + this.pictures[number];
    await image.decode();
    const { context, canvas } = this.sheet();
    context.drawImage(image, 0, 0);
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
    this.planes[number] = Uint8Array.from({ length: pixels.length / 4 }, (_, at) => pixels[4 * at]);
    this.pictures[number] = null;
  }

  // Where pictures are drawn to get at their samples.
  sheet() {
    if (!this.drawn) {
      const canvas = document.createElement("canvas");
      canvas.width = 2 * this.chroma;
      canvas.height = this.height + ((this.height + 1) >> 1);
      this.drawn = { canvas, context: canvas.getContext("2d", { willReadFrequently: true }) };
    }
    return this.drawn;
  }

  // Fills RGBA pixels: BT.601, limited range, chroma interpolated linearly.
  paint(number, pixels) {
    const { width, height, chroma } = this, planes = this.planes[number], row = 2 * chroma;
    const rows = (height + 1) >> 1, below = height * row;
    for (let y = 0, at = 0; y < height; y++) {
      const near = below + (y >> 1) * row;
      const far = below + Math.min(Math.max((y >> 1) + (y & 1 ? 1 : -1), 0), rows - 1) * row;
      for (let x = 0; x < width; x++, at += 4) {
        const left = x >> 1, right = Math.min(Math.max(left + (x & 1 ? 1 : -1), 0), chroma - 1);
        const mix = (plane) =>
          (9 * planes[near + left + plane] + 3 * planes[near + right + plane] +
            3 * planes[far + left + plane] + planes[far + right + plane]) / 16 - 128;
        const luma = 1.164384 * (planes[y * row + x] - 16), u = mix(0), v = mix(chroma);
        pixels[at] = luma + 1.596027 * v;
        pixels[at + 1] = luma - 0.391762 * u - 0.812968 * v;
        pixels[at + 2] = luma + 2.017232 * u;
        pixels[at + 3] = 255;
      }
    }
  }

  luma(number, x, y) {
    return this.planes[number][y * 2 * this.chroma + x];
  }
}

class Player {
  constructor(data, films, onFrame) {
    Object.assign(this, { data, films, onFrame, at: 0, ready: 0, playing: false, count: films[0].pictures.length });
    this.rate = data.rate[0] / data.rate[1];
    this.canvases = ["source", "decoded", "difference"].map((id) => document.getElementById(id));
    for (const canvas of this.canvases) [canvas.width, canvas.height] = [data.width, data.height];
    document.getElementById("films").classList.toggle("tall", data.height > data.width);
    this.images = this.canvases.map((canvas) => canvas.getContext("2d").createImageData(data.width, data.height));
    this.seek = document.getElementById("seek");
    this.seek.max = this.count - 1;
    this.seek.addEventListener("input", () => this.show(+this.seek.value));
    this.button = document.getElementById("play");
    this.button.addEventListener("click", () => this.toggle());
    document.getElementById("gain").addEventListener("change", () => this.show(this.at));
    document.addEventListener("keydown", (event) => {
      if (/INPUT|SELECT|BUTTON/.test(event.target.tagName)) return;
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step) this.show((this.at + step + this.count) % this.count);
      if (event.key === " ") this.toggle();
      if (step || event.key === " ") event.preventDefault();
    });
    this.label();
  }

  // The first picture is shown at once, the others are unpacked a few at a time.
  async load() {
    for (let first = 0, few = 1; first < this.count; first += few, few = 8) {
      const numbers = Array.from({ length: Math.min(few, this.count - first) }, (_, at) => first + at);
      await Promise.all(this.films.flatMap((film) => numbers.map((number) => film.unpack(number))));
      this.ready = first + numbers.length;
      if (first === 0) this.show(0);
    }
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches) this.toggle();
  }

  label() {
    const path = this.playing ? "M3 2h4v12H3zM9 2h4v12H9z" : "M4 2l10 6-10 6z";
    this.button.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${path}"/></svg>`;
  }

  toggle() {
    this.playing = !this.playing && this.ready === this.count;
    this.label();
    if (!this.playing) return;
    let before = performance.now(), owed = 0;
    const tick = (now) => {
      if (!this.playing) return;
      owed += ((now - before) / 1000) * this.rate * +document.getElementById("speed").value;
      before = now;
      if (owed >= 1) {
        this.show((this.at + Math.floor(owed)) % this.count);
        owed %= 1;
      }
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  show(number) {
    if (number < 0 || number >= this.ready) return;
    this.at = number;
    const [source, decoded] = this.films, { width, height } = this.data;
    source.paint(number, this.images[0].data);
    decoded.paint(number, this.images[1].data);
    const pixels = this.images[2].data, gain = +document.getElementById("gain").value;
    for (let y = 0, at = 0; y < height; y++) {
      for (let x = 0; x < width; x++, at += 4) {
        const grey = 128 + gain * (decoded.luma(number, x, y) - source.luma(number, x, y));
        pixels[at] = pixels[at + 1] = pixels[at + 2] = grey;
        pixels[at + 3] = 255;
      }
    }
    this.canvases.forEach((canvas, index) => canvas.getContext("2d").putImageData(this.images[index], 0, 0));
    this.seek.value = number;
    const seconds = (frame) => (frame / this.rate).toFixed(2);
    document.getElementById("clock").textContent = `${number + 1} / ${this.count} · ${seconds(number)} s`;
    this.onFrame(number);
  }
}
