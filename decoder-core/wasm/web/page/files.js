// Files that a person drops or chooses.

const element = (id) => document.getElementById(id);

/**
 * Calls `open` with every file that is dropped anywhere or chosen.
 * @param {(file: File) => void} open
 */
export function takeFiles(open) {
  const input = element("file");
  const veil = element("drop");
  const hasFiles = ({ dataTransfer }) => dataTransfer?.types.includes("Files");

  element("choose").addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const [file] = input.files;
    // So that the same file can be chosen again.
    input.value = "";
    if (file) {
      open(file);
    }
  });

  let inside = 0;
  const hover = (change) => {
    inside = Math.max(0, inside + change);
    veil.hidden = inside === 0;
  };
  addEventListener("dragenter", (event) => hasFiles(event) && hover(1));
  addEventListener("dragleave", (event) => hasFiles(event) && hover(-1));
  addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    if (!hasFiles(event)) {
      return;
    }
    event.preventDefault();
    hover(-inside);
    const [file] = event.dataTransfer.files;
    if (file) {
      open(file);
    }
  });
}
