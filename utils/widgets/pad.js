// wigglystuff's Paint, for fingers too: it hears the mouse, but no touch (0.5.36), so each touch is passed on as the mouse's.
const MOUSE = { touchstart: "mousedown", touchmove: "mousemove", touchend: "mouseup", touchcancel: "mouseup" };

function passTouches(el) {
  const pass = (event) => {
    if (!(event.target instanceof HTMLCanvasElement)) return;
    event.preventDefault(); // the page must not scroll below the drawing hand
    event.stopPropagation();
    const { clientX, clientY } = event.changedTouches[0];
    const options = { bubbles: true, cancelable: true, view: window, buttons: 1, clientX, clientY };
    event.target.dispatchEvent(new MouseEvent(MOUSE[event.type], options));
  };
  for (const type of Object.keys(MOUSE)) el.addEventListener(type, pass, { capture: true, passive: false });
}

// Clear takes away what was read from a file, too, and gives the pen back to a hand that held the eraser.
function followClear({ el, model }) {
  el.addEventListener("click", (event) => {
    if (!event.target.closest("button[title='Clear']")) return;
    model.send({ cleared: true });
    el.querySelector("button[title^='Marker']")?.click();
  });
}

export default {
  render(context) {
    passTouches(context.el);
    followClear(context);
    return paint.render(context);
  },
};
