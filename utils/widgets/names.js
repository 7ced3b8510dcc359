// Names for a screen reader: ipywidgets' sliders have none, nor have the two buttons of its player, and its toggle
// buttons do not say which is pressed.
function name(root) {
  for (const handle of root.querySelectorAll(".noUi-handle")) {
    const line = handle.closest(".widget-inline-hbox");
    handle.setAttribute("aria-label", line?.querySelector(".widget-label")?.textContent ?? "");
    handle.setAttribute("aria-valuetext", line?.querySelector(".widget-readout")?.textContent ?? "");
  }
  for (const button of root.querySelectorAll(".widget-toggle-button")) {
    button.setAttribute("aria-pressed", button.classList.contains("mod-active"));
  }
  for (const icon of root.querySelectorAll(".widget-play .fa")) {
    const words = { "fa-play": "Play", "fa-pause": "Pause", "fa-stop": "Back to the start" };
    const title = words[[...icon.classList].find((sign) => sign in words)];
    if (title) icon.parentElement.title = title;
  }
}

function render({ el }) {
  el.style.display = "none";
  let observer;
  const begin = (tries) => {
    const root = el.closest(".jp-OutputArea-output") ?? el.parentElement?.parentElement;
    if (!root) {
      if (tries) setTimeout(begin, 100, tries - 1); // not on the page yet
      return;
    }
    name(root);
    observer = new MutationObserver(() => name(root));
    const what = { subtree: true, childList: true, characterData: true, attributes: true };
    observer.observe(root, { ...what, attributeFilter: ["class"] });
  };
  begin(50);
  return () => observer?.disconnect();
}
export default { render };
