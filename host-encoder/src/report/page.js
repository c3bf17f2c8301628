// Fills the page from its data.

const data = JSON.parse(document.getElementById("data").textContent);
const id = (name) => document.getElementById(name);
const short = (value) => (Math.abs(value) >= 1e6 ? `${+(value / 1e6).toPrecision(3)}M` : Math.abs(value) >= 1e4 ? `${+(value / 1e3).toPrecision(3)}k` : `${+value.toPrecision(6)}`);
const whole = (value) => Math.round(value).toLocaleString("en").replaceAll(",", "\u202f");
const fixed = (value, digits) => (value === null ? "∞" : value.toFixed(digits));
const share = (part) => `${(100 * part).toFixed(1)} %`;
const make = (name, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
};
const swatch = (colour) => make("i", { style: `background:${colour}` });
const key = (place, entries) => id(place).replaceChildren(...entries.map(([colour, text]) => make("span", {}, swatch(colour), text)));

// Rows of cells; a cell is text, nodes in a list, or a number in { number }.
const table = (head, rows) => {
  const cell = (kind) => (content) => {
    const number = content !== null && typeof content === "object" && "number" in content;
    return make(kind, { className: number ? "number" : "" }, ...(number ? [content.number].flat() : [content].flat()));
  };
  const body = make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map(cell("td")))));
  return make("div", { className: "scroll" }, make("table", {}, make("thead", {}, make("tr", {}, ...head.map(cell("th")))), body));
};

const { totals } = data, rate = data.rate[0] / data.rate[1];
id("name").textContent = data.name;
id("subtitle").textContent = `${data.width}×${data.height}, ${data.frames} frames at ${+rate.toFixed(3)} frames/s, ${(data.frames / rate).toFixed(2)} s; source ${data.source_name}`;
for (const [value, unit, what] of [
  [whole(totals.bytes), "bytes", `1 : ${whole(totals.raw_bytes / totals.bytes)} of the raw pictures`],
  [totals.kilobits_per_second.toFixed(1), "kb/s", "bitrate"],
  [totals.bits_per_pixel.toFixed(4), "bits", "a pixel"],
  [fixed(totals.psnr_y, 2), "dB", "PSNR-Y"],
  [fixed(totals.psnr_yuv, 2), "dB", "PSNR-YUV"],
  [totals.ms_ssim.toFixed(4), "", "MS-SSIM"],
  [whole(totals.mac_per_pixel), "MAC", "a pixel to decode"],
  [(totals.scratch_bytes / 1024).toFixed(0), "KiB", "memory to decode"],
])
  id("totals").append(make("div", { className: "tile" }, make("b", {}, value, make("small", {}, unit && ` ${unit}`)), make("span", {}, what)));

// By frame: quality and bytes, with a cursor where the film stands.
const frames = data.frames, by = { low: 0, high: Math.max(frames - 1, 1), label: "frame" };
const qualities = data.psnr.flat().filter((value) => value !== null);
const range = qualities.length ? [Math.min(...qualities), Math.max(...qualities)] : [0, 1];
const planes = ["Y", "U", "V"].map((name, plane) => [name, `var(--c${[0, 4, 1][plane]})`, plane]);
const quality = new Plot("psnr", 230, { x: by, y: { low: Math.floor(range[0] - 0.5), high: Math.ceil(range[1] + 0.5), label: "PSNR, dB" } }, (plot) => {
  for (const [, colour, plane] of [...planes].reverse())
    plot.line(data.psnr.map((psnr, frame) => [frame, psnr[plane]]), colour, plane ? 1.25 : 2.25);
});
const grids = data.pictures[0].grids.length, shade = (grid) => `var(--g${5 - Math.min(Math.round((grid * 5) / Math.max(grids - 1, 1)), 5)})`;
const kinds = [["motion", "var(--k1)", (picture) => picture.motion]];
for (let grid = 0; grid < grids; grid++) kinds.push([`grid ${grid}`, shade(grid), (picture) => picture.grids[grid]]);
const sums = data.pictures.map((picture) => kinds.reduce((sum, [, , of]) => sum + of(picture), 0));
// The first frames cost many times the others: they are cut off, with the number on top where there is room.
const sorted = [...sums].sort((a, b) => a - b), most = sorted.at(-1), usual = 1.25 * sorted[Math.floor(0.95 * (frames - 1))];
const ceiling = Math.max(most > 2 * usual ? usual : most, 1);
const bytes = new Plot("bytes", 230, { x: { ...by, low: -0.5, high: frames - 0.5 }, y: { low: 0, high: 1.12 * ceiling, label: "bytes" } }, (plot) => {
  const step = plot.x(1) - plot.x(0), bar = Math.max(step * 0.8, Math.min(step, 1));
  let labelled = -Infinity;
  data.pictures.forEach((picture, frame) => {
    let sum = 0;
    for (const [, fill, of] of kinds) {
      const from = plot.y(Math.min(sum, ceiling)), to = plot.y(Math.min((sum += of(picture)), ceiling));
      if (from > to) plot.root.append(svg("rect", { x: plot.x(frame) - bar / 2, y: to, width: bar, height: from - to, fill }));
    }
    if (sum > ceiling && plot.x(frame) - labelled > 52) {
      labelled = plot.x(frame);
      const end = labelled > plot.right - 40;
      plot.root.append(svg("text", { x: plot.x(frame) + (end ? bar / 2 : -bar / 2), y: plot.y(ceiling) - 4, "text-anchor": end ? "end" : "start" }, `↑ ${whole(sum)}`));
    }
  });
});

const player = new Player(data, [data.source, data.decoded].map((film) => new Film(film, data.width, data.height)), (frame) => {
  [quality, bytes].forEach((plot) => plot.point(frame));
  const psnr = data.psnr[frame], picture = data.pictures[frame];
  id("caption").textContent = `${fixed(psnr[0], 2)} dB, ${whole(sums[frame])} bytes`;
  key("psnr-key", planes.map(([name, colour, plane]) => [colour, `${name} ${fixed(psnr[plane], 2)} dB`]));
  key("bytes-key", [["var(--k1)", `motion ${whole(picture.motion)}`], [shade(grids - 1), `latents ${whole(sums[frame] - picture.motion)} (coarse to fine: faint to strong)`]]);
});
[quality, bytes].forEach((plot) => plot.seekable((frame) => player.show(Math.min(frame, player.count - 1))));
if (player.count < frames) id("shown").textContent = `The film shows the first ${player.count} of ${frames} frames, so that the page stays small; the figures are those of all.`;

// Where the bytes go.
const colours = data.parts.map((_, index) => (index < 3 ? `var(--k${[0, 2, 1][index]})` : shade(index - 3)));
id("parts").append(
  make("div", { className: "stack" }, ...data.parts.map(({ name, bytes }, index) => make("i", { title: `${name}: ${whole(bytes)} bytes`, style: `flex:${Math.max(bytes, 0)} 0 0;background:${colours[index]}` }))),
  table(["", { number: "bytes" }, { number: "share" }, ""], data.parts.map(({ name, bytes, note }, index) => [[swatch(colours[index]), name], { number: whole(bytes) }, { number: share(bytes / totals.bytes) }, make("span", { className: "only-wide", style: "color:var(--soft)" }, note)])),
);

// Other codecs.
const compared = data.comparison.measured, place = id("comparison");
if (!compared) place.append(make("p", { className: "note" }, `Not compared: ${data.comparison.skipped}.`));
else {
  const own = { bytes: totals.bytes, psnr_y: totals.psnr_y }, codecs = compared.codecs, pixels = data.width * data.height * frames;
  const bits = (point) => (8 * point.bytes) / pixels, all = [own, ...codecs.flatMap((codec) => codec.points)];
  const [rates, decibels] = [all.map(bits), all.map((point) => point.psnr_y)];
  place.append(make("p", { className: "key", id: "rd-key" }));
  const right = make("div"), beside = make("div", { className: "beside" }, make("div", { className: "plot", id: "rd" }), right);
  place.append(beside);
  key("rd-key", [["var(--c0)", "NVL, this file"], ...codecs.map((codec, index) => [`var(--c${index + 1})`, codec.title])]);
  new Plot("rd", 300, { x: { low: Math.min(...rates) / 1.15, high: Math.max(...rates) * 1.15, log: true, label: "bits/pixel" }, y: { low: Math.min(...decibels) - 0.5, high: Math.max(...decibels) + 0.5, label: "PSNR-Y, dB" } }, (plot) => {
    codecs.forEach(({ title, points }, index) => {
      const colour = `var(--c${index + 1})`;
      plot.line(points.map((point) => [bits(point), point.psnr_y]), colour, 1.75);
      for (const point of points) {
        const dot = svg("circle", { cx: plot.x(bits(point)), cy: plot.y(point.psnr_y), r: 3.5, fill: colour });
        dot.append(svg("title", {}, `${title}, ${point.parameter}: ${whole(point.bytes)} bytes, ${point.psnr_y.toFixed(2)} dB`));
        plot.root.append(dot);
      }
    });
    const [x, y] = [plot.x(bits(own)), plot.y(own.psnr_y)];
    plot.root.append(svg("circle", { cx: x, cy: y, r: 11, fill: "var(--accent-soft)" }), svg("circle", { cx: x, cy: y, r: 5.5, fill: "var(--c0)" }));
  });
  right.append(
    table(["at our PSNR-Y", { number: "bytes" }, { number: "NVL takes" }], codecs.map(({ title, failure, bytes_at_our_psnr: theirs }) => {
      if (failure) return [title, { number: "–" }, { number: make("small", {}, failure) }];
      if (theirs === null) return [title, { number: "–" }, { number: "not reached" }];
      const times = totals.bytes / theirs, better = times < 1;
      return [title, { number: whole(theirs) }, { number: make("span", { className: better ? "good" : "bad" }, better ? `${share(1 - times)} less` : times < 2 ? `${share(times - 1)} more` : `${times.toFixed(1)} × as many`) }];
    })),
    make("details", {}, make("summary", {}, `How: ${compared.ffmpeg}, elementary streams`), ...codecs.map((codec) => make("p", {}, make("code", {}, codec.arguments)))),
  );
}

// Devices.
const enough = (device) => device.scratch >= totals.scratch_bytes;
id("devices").append(
  table(["", { number: "frames/s" }, ""], data.devices.map((device) => {
    const speed = device.frames_per_second, plays = enough(device) && speed >= rate;
    const verdict = !enough(device) ? `has ${device.scratch >> 10} KiB` : plays ? "plays" : "too slow";
    return [[device.title, make("small", {}, device.core)], { number: speed.toFixed(speed < 10 ? 1 : 0) }, { number: make("span", { className: plays ? "good" : "bad" }, verdict) }];
  })),
  make("p", { className: "note" }, "Estimates: instructions measured in an emulator, cycles from the cores' manuals, one core, nothing else running."),
);

// Settings.
const settings = data.encode ? [["lambda", +data.encode.lambda.toFixed(4)], ["effort", data.encode.effort], ["seed", data.encode.seed], ["encoding", `${data.encode.encode_seconds.toFixed(1)} s`]] : [];
const facts = table(["", ""], [...settings, ...data.facts].map(([name, text]) => [name, `${text}`]));
facts.querySelectorAll("td:last-child").forEach((cell) => (cell.className = "wide"));
facts.querySelector("thead").remove();
id("facts").append(facts);
id("footer").textContent = `Made by ${data.program}. PSNR is of the mean squared error over all frames; every pixel is the integer decoder's.`;

player.onFrame(0);
player.load();
