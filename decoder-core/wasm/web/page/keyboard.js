// What keys do. The list in index.html tells people.

const element = (id) => document.getElementById(id);
const click = (id) => element(id).click();

/**
 * @param {import("../nvl/player.js").Player} player
 * @param {import("./screen.js").Screen} screen
 */
export function listenToKeys(player, screen) {
  const actions = {
    " ": () => player.toggle(),
    k: () => player.toggle(),
    ArrowLeft: () => player.step(-1),
    ArrowRight: () => player.step(1),
    PageUp: () => click("previous"),
    PageDown: () => click("next"),
    Home: () => player.seek(0),
    End: () => player.seek(Infinity),
    l: () => click("loop"),
    d: () => click("damage"),
    "+": () => screen.zoom(1),
    "=": () => screen.zoom(1),
    "-": () => screen.zoom(-1),
    0: () => screen.zoom(0),
    s: () => screen.soften(),
    o: () => click("choose"),
    "?": () => click("keys-open"),
  };
  for (let number = 1; number <= 9; number += 1) {
    actions[number] = () => number <= (player.clip?.segments.length ?? 0) && player.seekSegment(number - 1);
  }

  addEventListener("keydown", (event) => {
    const { key, target, ctrlKey, metaKey, altKey } = event;
    const action = actions[key.length === 1 ? key.toLowerCase() : key];
    // A list takes letters and arrows itself, a button the space bar; a dialog takes everything.
    const own = target instanceof HTMLSelectElement || (target instanceof HTMLButtonElement && key === " ");
    if (!action || own || ctrlKey || metaKey || altKey || element("keys").open) {
      return;
    }
    event.preventDefault();
    action();
  });
}
