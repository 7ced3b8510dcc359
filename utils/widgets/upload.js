// A button that hands a file to Python, in pieces: Jupyter's server lets no message of more than 10 MB pass.
const PIECE = 4_000_000; // bytes

function render({ model, el }) {
  const input = document.createElement("input");
  input.type = "file";
  input.accept = model.get("accept");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "jupyter-widgets jupyter-button widget-button";
  button.style.width = "auto";
  button.textContent = model.get("text");
  button.title = model.get("hint");
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", async () => {
    const [file] = input.files;
    if (!file) return;
    const bytes = await file.arrayBuffer();
    const pieces = Math.max(1, Math.ceil(bytes.byteLength / PIECE));
    for (let piece = 0; piece < pieces; piece++) {
      const buffer = bytes.slice(piece * PIECE, (piece + 1) * PIECE);
      model.send({ name: file.name, piece, pieces }, null, [buffer]);
    }
    input.value = ""; // so that the same file can be chosen again
  });
  el.append(button);
}
export default { render };
