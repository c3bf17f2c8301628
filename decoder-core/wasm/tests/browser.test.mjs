// The page in headless Chromium (NVL_CHROMIUM), steered by playwright-core from NVL_MODULES.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import test, { after, before } from "node:test";

const { chromium } = createRequire(join(process.env.NVL_MODULES, "here.js"))("playwright-core");
const address = process.env.NVL_URL;
const expected = JSON.parse(await readFile(process.env.NVL_EXPECTED, "utf8"));
const own = expected.find(({ file }) => file.endsWith("clip.nvl"));

let browser;
before(async () => {
  const { NVL_CHROMIUM: command } = process.env;
  const executablePath = command.includes("/") ? command : await which(command);
  browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
});
after(() => browser?.close());

async function which(command) {
  const { access, constants } = await import("node:fs/promises");
  for (const folder of process.env.PATH.split(":")) {
    const path = join(folder, command);
    if (await access(path, constants.X_OK).then(() => true, () => false)) {
      return path;
    }
  }
  throw new Error(`${command} is not in PATH`);
}

/** Runs `action` with the page open; a message on the console is a failure. */
async function withPage(options, query, action) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  const said = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && said.push(message.text()));
  page.on("pageerror", (error) => said.push(String(error)));
  try {
    await page.goto(address + query);
    await page.waitForFunction(() => document.getElementById("duration").textContent !== "0.00");
    await action(page);
    assert.deepEqual(said, []);
  } finally {
    await context.close();
  }
}

const still = { reducedMotion: "reduce" };
const screenshot = (page, name) => page.screenshot({ path: join(process.env.NVL_SCREENSHOTS, `${name}.png`), fullPage: true });
/** Number of the frame on the canvas, from 1. */
const frame = (page) => page.locator("#frame").textContent().then((text) => Number(/frame (\d+)/.exec(text)[1]));
const showsFrame = (page, number) =>
  page.waitForFunction((number) => document.getElementById("frame").textContent.startsWith(`frame ${number} `), number);

test("frames in the browser are the native decoder's, in both variants", async () => {
  await withPage(still, "", async (page) => {
    const decoded = await page.evaluate(async () => {
      const { Clip } = await import("./nvl/clip.js");
      const { hasSimd128, loadModule } = await import("./nvl/decoder.js");
      const { sourceOf } = await import("./nvl/source.js");
      const hash = async (planes) => Array.from(new Uint8Array(await crypto.subtle.digest("SHA-256", planes)),
        (byte) => byte.toString(16).padStart(2, "0")).join("");
      const hashes = { simd: hasSimd128(), variants: [] };
      for (const simd of [false, true]) {
        const clip = await Clip.open(sourceOf("clip.nvl"), await loadModule(simd));
        const frames = [];
        for (const number of clip.segments.keys()) {
          await clip.begin(number);
          while (clip.next()) {
            frames.push(await hash(clip.planes()));
          }
        }
        hashes.variants.push(frames);
      }
      return hashes;
    });
    assert.ok(decoded.simd, "this Chromium has no simd128");
    assert.deepEqual(decoded.variants, [own.frames, own.frames]);
  });
});

test("the canvas shows the frame that is sought", async () => {
  await withPage(still, "", async (page) => {
    await page.evaluate(() => {
      const position = document.getElementById("position");
      position.value = "40";
      position.dispatchEvent(new Event("input"));
    });
    await showsFrame(page, 41);
    const equal = await page.evaluate(async () => {
      const { Clip } = await import("./nvl/clip.js");
      const { loadModule } = await import("./nvl/decoder.js");
      const { sourceOf } = await import("./nvl/source.js");
      const clip = await Clip.open(sourceOf("clip.nvl"), await loadModule());
      const segment = clip.segmentOf(40);
      await clip.begin(segment);
      for (let frame = clip.segments[segment].firstFrame; frame <= 40; frame += 1) {
        clip.next();
      }
      const canvas = document.getElementById("screen");
      const shown = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
      return clip.rgba().every((value, at) => value === shown[at]);
    });
    assert.ok(equal);
  });
});

test("it plays, loops, and plays by the clock", async () => {
  await withPage({}, "", async (page) => {
    await page.waitForFunction(() => document.querySelector("#play").getAttribute("aria-label") === "Pause");
    const first = await frame(page);
    await page.waitForFunction((first) => !document.getElementById("frame").textContent.startsWith(`frame ${first} `), first);
    await page.keyboard.press("End");
    // From the last frame it goes on with the first ones.
    await page.waitForFunction(() => Number(/frame (\d+)/.exec(document.getElementById("frame").textContent)[1]) < 20);
    await page.waitForFunction(() => document.getElementById("ms").textContent !== "\u2013");
    await screenshot(page, "desktop-light");
  });
});

test("keys do what the list says", async () => {
  await withPage(still, "", async (page) => {
    const press = (key) => page.keyboard.press(key);
    const pressed = (id, name) => page.locator(`#${id}`).getAttribute(name);
    await showsFrame(page, 1);
    for (const [key, number] of [
      ["ArrowRight", 2], ["ArrowRight", 3], ["ArrowLeft", 2], ["PageDown", 25], ["PageDown", 49], ["PageUp", 25],
      ["4", 73], ["End", own.frames.length], ["Home", 1],
    ]) {
      await press(key);
      await showsFrame(page, number);
    }
    await press("l");
    assert.equal(await pressed("loop", "aria-pressed"), "false");
    await press(" ");
    assert.equal(await pressed("play", "aria-label"), "Pause");
    await press("k");
    assert.equal(await pressed("play", "aria-label"), "Play");
    const width = () => page.locator("#screen").evaluate((canvas) => canvas.clientWidth);
    const fits = await width();
    assert.equal(fits % 160, 0, "it fits by a whole factor");
    await press("-");
    assert.ok((await width()) < fits);
    await press("0");
    assert.equal(await width(), fits);
    const rendering = () => page.locator("#screen").evaluate((canvas) => getComputedStyle(canvas).imageRendering);
    assert.equal(await rendering(), "pixelated");
    await press("s");
    assert.equal(await rendering(), "auto");
    await press("?");
    assert.ok(await page.locator("#keys").isVisible());
    await screenshot(page, "keys");
    await press("Escape");
    assert.ok(!(await page.locator("#keys").isVisible()));
    // Every control is reached by Tab, and shows where the focus is.
    const reached = new Set();
    for (let count = 0; count < 20; count += 1) {
      await press("Tab");
      reached.add(await page.evaluate(() => {
        const { activeElement: active } = document;
        return active.matches(":focus-visible") && getComputedStyle(active).outlineStyle !== "none" ? active.id : "";
      }));
    }
    for (const id of ["choose", "keys-open", "position", "previous", "back", "play", "forward", "next", "loop", "damage", "scale", "pixels"]) {
      assert.ok(reached.has(id), `${id} is not reached by Tab, or shows no ring`);
    }
  });
});

test("damage is lost with its segment, and the next one is whole", async () => {
  await withPage({ ...still, colorScheme: "dark" }, "", async (page) => {
    await page.keyboard.press("d");
    assert.equal(await page.locator("#damage").getAttribute("aria-checked"), "true");
    await page.keyboard.press("2");
    await page.waitForFunction(() => /Segment 2 is lost, 24 frames: .*checksum/.test(document.getElementById("lost").textContent));
    await screenshot(page, "damage-dark");
    await page.keyboard.press("ArrowRight");
    await showsFrame(page, 49);
    assert.ok(!(await page.locator("#lost").isVisible()));
    // And by itself: playing over the damaged segment.
    await page.keyboard.press("Home");
    await showsFrame(page, 1);
    await page.keyboard.press(" ");
    await page.locator("#lost").waitFor({ state: "visible" });
    await page.waitForFunction(() => document.getElementById("lost").hidden
      && Number(/frame (\d+)/.exec(document.getElementById("frame").textContent)[1]) > 48);
    assert.match(await page.locator("#fps-note").textContent(), /lost/);
  });
});

test("files are opened, and errors say what is wrong with them", async () => {
  await withPage(still, "", async (page) => {
    const vector = expected.find(({ file, frames }) => file !== own.file && frames.length > 1);
    await page.setInputFiles("#file", vector.file);
    await page.waitForFunction((name) => document.getElementById("name").textContent === name, vector.file.split("/").pop());
    const drop = (name, content) => page.evaluate(({ name, content }) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([new Uint8Array(content)], name));
      dispatchEvent(new DragEvent("drop", { dataTransfer, cancelable: true }));
    }, { name, content });
    const error = page.locator("#error");
    for (const [name, content, says] of [
      ["holiday.mp4", [0, 0, 0, 24, ...Buffer.from("ftypisom")], /holiday\.mp4 is an MP4.*cargo xtask encode/],
      ["empty.nvl", [], /empty\.nvl is empty/],
      ["new.nvl", [...Buffer.from("NVL"), 7, 0, 0], /new\.nvl: format version 7 is not supported/],
    ]) {
      await drop(name, content);
      await page.waitForFunction((name) => document.getElementById("error").textContent.startsWith(name), name);
      assert.match(await error.textContent(), says);
    }
    await screenshot(page, "error");
    await drop("clip.nvl", [...await readFile(own.file)]);
    await page.waitForFunction(() => document.getElementById("name").textContent === "clip.nvl");
    await error.waitFor({ state: "hidden" });
  });
});

test("a telephone is wide enough", async () => {
  await withPage({ viewport: { width: 360, height: 740 }, hasTouch: true, deviceScaleFactor: 2, colorScheme: "dark" }, "?src=clip.nvl",
    async (page) => {
      await page.waitForFunction(() => document.getElementById("ms").textContent !== "\u2013");
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360, "it scrolls sideways");
      const small = await page.evaluate(() => [...document.querySelectorAll("button, select")]
        .filter((control) => control.offsetParent && !control.closest("dialog"))
        .filter((control) => control.getBoundingClientRect().height < 44 || control.getBoundingClientRect().width < 44)
        .map((control) => control.id));
      assert.deepEqual(small, [], "too small for a thumb");
      await screenshot(page, "phone-dark");
    });
});
