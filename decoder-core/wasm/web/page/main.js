// The page: a player, its controls, and what they say to one another.

import { Player } from "../nvl/player.js";
import { takeFiles } from "./files.js";
import { counted } from "./format.js";
import { listenToKeys } from "./keyboard.js";
import { Readout } from "./readout.js";
import { Screen } from "./screen.js";
import { Timeline } from "./timeline.js";

const element = (id) => document.getElementById(id);
const parameters = new URLSearchParams(location.search);
/** The clip that the page opens with. */
const FIRST = "clip.nvl";

const screen = new Screen();
const player = new Player(screen.canvas, {
  loop: true,
  simd: parameters.has("portable") ? false : undefined,
});
const timeline = new Timeline(player);
new Readout(player);

const say = (text) => {
  element("status").textContent = text;
};

/** Opens a clip and plays it; says what is wrong if it cannot. */
async function open(from) {
  const error = element("error");
  try {
    await player.open(from);
    error.hidden = true;
    const { name, facts } = player.clip;
    say(`${name} is open: ${counted(facts.frames, "frame")}, ${counted(facts.segments, "segment")}.`);
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches) {
      player.play();
    }
  } catch (problem) {
    error.textContent = problem.message;
    error.hidden = false;
  }
}

/** The number of damaged segments, as a person says it. */
function damageNote() {
  const single = player.clip?.segments.length === 1;
  return single
    ? "Three bytes of the clip's only segment are changed before the decoder sees them. Its checksum tells; nothing of it is shown."
    : "Three bytes of every second segment are changed before the decoder sees them. Its checksum tells, the last picture "
      + "stays, and the next segment is whole again: no segment needs another.";
}

function showState() {
  const { paused, loop, damage } = player;
  const play = element("play");
  play.querySelector("use").setAttribute("href", paused ? "#i-play" : "#i-pause");
  play.setAttribute("aria-label", paused ? "Play" : "Pause");
  play.title = `${paused ? "Play" : "Pause"} (Space)`;
  element("loop").setAttribute("aria-pressed", String(loop));
  element("damage").setAttribute("aria-checked", String(damage));
  element("damage-note").hidden = !damage;
  element("damage-note").textContent = damageNote();
}

const buttons = {
  play: () => player.toggle(),
  back: () => player.step(-1),
  forward: () => player.step(1),
  // The beginning of this segment, and from there the one before.
  previous: () => {
    const { segment, frame, clip } = player;
    const begun = frame > (clip?.segments[segment].firstFrame ?? 0);
    return player.seekSegment(begun && player.paused ? segment : segment - 1);
  },
  next: () => player.seekSegment(player.segment + 1),
  loop: () => {
    player.loop = !player.loop;
    showState();
  },
  damage: () => {
    player.damage = !player.damage;
    timeline.heal();
    screen.lost(null);
    showState();
  },
  "keys-open": () => element("keys").showModal(),
};
for (const [id, action] of Object.entries(buttons)) {
  element(id).addEventListener("click", action);
}

player.addEventListener("open", ({ detail }) => {
  screen.open(detail);
  screen.lost(null);
  showState();
});
player.addEventListener("state", showState);
player.addEventListener("picture", () => screen.lost(null));
player.addEventListener("lost", ({ detail: { segment, frames, message } }) => {
  screen.lost(`Segment ${segment + 1} is lost, ${counted(frames, "frame")}: ${message}`);
});

takeFiles(open);
listenToKeys(player, screen);
showState();
await open(parameters.get("src") ?? FIRST);
