// A progress bar with a Stop button. While a cell runs, the kernel hears no widget; but the page can interrupt it.
function render({ model, el }) {
  el.classList.add("training-bar");
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "■ Stop";
  button.title = "End this training; the history and the best weights are kept";
  const progress = document.createElement("progress");
  progress.max = 1;
  progress.setAttribute("aria-label", "Training");
  const text = document.createElement("span");

  const kernel = model.widget_manager?.kernel;
  if (kernel?.interrupt) {
    button.addEventListener("click", () => {
      button.disabled = true; // one interrupt is enough
      button.textContent = "Stopping …";
      kernel.interrupt().catch(() => {
        button.disabled = false;
        button.textContent = "■ Stop";
      });
    });
    el.append(button);
  }
  el.append(progress, text);

  const update = () => {
    progress.value = model.get("fraction");
    const hint = kernel?.interrupt ? "" : " (to stop, interrupt the kernel: nothing is lost)";
    text.textContent = model.get("text") + hint;
  };
  update();
  model.on("change:fraction change:text", update);
  return () => model.off("change:fraction change:text", update);
}
export default { render };
