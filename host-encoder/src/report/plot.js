// Plots as SVG, drawn anew for each width so that letters keep their size.

const svg = (name, attributes = {}, text) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
};

// Round numbers that divide low..high in about `count` parts.
const ticks = (low, high, count) => {
  const raw = Math.max(high - low, 1e-9) / count, power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= raw * 0.7);
  const list = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + 1e-9; at++) list.push(+(at * step).toPrecision(12));
  return list;
};

// 1, 2 and 5 times the powers of ten within low..high.
const logTicks = (low, high) => {
  const list = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++)
    for (const digit of [1, 2, 5]) {
      const value = +(digit * 10 ** power).toPrecision(6);
      if (value >= low && value <= high) list.push(value);
    }
  return list;
};

class Plot {
  // `axes` gives x and y as { low, high, log, label }; `paint` gets this plot.
  constructor(id, height, axes, paint) {
    Object.assign(this, { box: document.getElementById(id), height, axes, paint });
    // In the next frame: drawing changes the size that is observed.
    new ResizeObserver(() => requestAnimationFrame(() => this.draw())).observe(this.box);
    this.draw();
  }

  draw() {
    const width = this.box.clientWidth;
    if (!width || width === this.width) return;
    this.width = width;
    const { x, y } = this.axes, [left, right, top, bottom] = [46, 8, 10, 38];
    const scale = (axis, from, to) => {
      const f = axis.log ? Math.log : (value) => value;
      return (value) => from + ((f(value) - f(axis.low)) / (f(axis.high) - f(axis.low) || 1)) * (to - from);
    };
    this.x = scale(x, left, width - right);
    this.y = scale(y, this.height - bottom, top);
    Object.assign(this, { left, right: width - right, top, bottom: this.height - bottom });
    const root = svg("svg", { viewBox: `0 0 ${width} ${this.height}`, height: this.height, role: "img" });
    this.root = root;
    const count = Math.max(2, Math.floor(width / 90));
    for (const value of y.log ? logTicks(y.low, y.high) : ticks(y.low, y.high, 4)) {
      root.append(svg("line", { class: "grid", x1: left, x2: this.right, y1: this.y(value), y2: this.y(value) }));
      root.append(svg("text", { x: left - 8, y: this.y(value) + 4, "text-anchor": "end" }, short(value)));
    }
    let last = -Infinity;
    for (const value of x.log ? logTicks(x.low, x.high) : ticks(x.low, x.high, count)) {
      if (this.x(value) - last < 34) continue;
      last = this.x(value);
      if (x.log) root.append(svg("line", { class: "grid", x1: last, x2: last, y1: top, y2: this.bottom }));
      root.append(svg("text", { x: last, y: this.bottom + 17, "text-anchor": "middle" }, short(value)));
    }
    root.append(svg("text", { x: this.right, y: this.height - 4, "text-anchor": "end" }, x.label));
    root.append(svg("text", { x: left, y: this.height - 4 }, y.label));
    this.paint(this);
    this.cursor = svg("line", { class: "cursor", y1: top, y2: this.bottom, visibility: "hidden" });
    root.append(this.cursor);
    this.box.replaceChildren(root);
    if (this.at !== undefined) this.point(this.at);
  }

  line(points, colour, width = 2) {
    const path = points.filter(([, y]) => y !== null).map(([x, y]) => `${this.x(x).toFixed(1)},${this.y(y).toFixed(1)}`);
    this.root.append(svg("polyline", { points: path.join(" "), fill: "none", stroke: colour, "stroke-width": width, "stroke-linejoin": "round" }));
  }

  // The cursor at an x.
  point(at) {
    this.at = at;
    if (!this.cursor) return;
    this.cursor.setAttribute("x1", this.x(at));
    this.cursor.setAttribute("x2", this.x(at));
    this.cursor.setAttribute("visibility", "visible");
  }

  // Calls `seek` with the x under the pointer while it is pressed.
  seekable(seek) {
    this.box.classList.add("seekable");
    const to = (event) => {
      const { low, high } = this.axes.x, place = event.clientX - this.box.getBoundingClientRect().left;
      const way = (place - this.left) / (this.right - this.left);
      seek(Math.round(Math.min(Math.max(low + way * (high - low), low), high)));
    };
    this.box.addEventListener("pointerdown", to);
    this.box.addEventListener("pointermove", (event) => event.buttons && to(event));
  }
}
