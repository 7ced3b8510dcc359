// Ten pads to draw on. The drawing of a pad goes to the kernel, as a PNG in base64, whenever the pen lifts.
const SIDE = 280; // pixels of a drawing
const PEN = 12;
const STEP = 7; // how far an arrow key moves the pen

function makePad(model, digit) {
  const pad = document.createElement("div");
  pad.className = "pad";
  const head = document.createElement("div");
  head.className = "head";
  const name = document.createElement("span");
  name.textContent = digit;
  const clear = document.createElement("button");
  clear.type = "button";
  clear.textContent = "Clear";
  clear.setAttribute("aria-label", `Clear the ${digit}`);
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE;
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", `Pad for a ${digit}. Arrow keys move the pen, Space lowers and lifts it, Delete clears.`);
  const tip = document.createElement("span"); // where the pen is, for those who move it with the keys
  tip.className = "tip";
  const sheet = document.createElement("div");
  sheet.className = "sheet";
  head.append(name, clear);
  sheet.append(canvas, tip);
  pad.append(head, sheet);

  const ink = canvas.getContext("2d", { willReadFrequently: true });
  let shown = null; // what the canvas shows, as it stands in the model
  let pointer = null; // the pointer that draws
  let last = null; // where the pen is
  let middle = null; // and where its line has come to

  function blank() {
    ink.fillStyle = "white";
    ink.fillRect(0, 0, SIDE, SIDE);
    ink.lineWidth = PEN;
    ink.lineCap = ink.lineJoin = "round";
    ink.strokeStyle = ink.fillStyle = "black";
  }

  function mark() {
    name.className = shown ? "done" : "";
    clear.hidden = !shown;
  }

  function keep(drawing) {
    shown = drawing;
    const drawings = [...model.get("drawings")];
    drawings[digit] = drawing;
    model.set("drawings", drawings);
    model.save_changes();
    mark();
  }

  function follow() {
    const drawing = model.get("drawings")[digit];
    if (drawing === shown) return;
    shown = drawing;
    blank();
    mark();
    if (!drawing) return;
    const image = new Image();
    image.onload = () => {
      if (shown === drawing) ink.drawImage(image, 0, 0, SIDE, SIDE);
    };
    image.src = `data:image/png;base64,${drawing}`;
  }

  function place(event) {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * SIDE, ((event.clientY - box.top) / box.height) * SIDE];
  }

  function dot(at) {
    ink.beginPath();
    ink.arc(at[0], at[1], PEN / 2, 0, 2 * Math.PI);
    ink.fill();
    last = middle = at;
  }

  function lineTo(at) {
    const half = [(last[0] + at[0]) / 2, (last[1] + at[1]) / 2];
    ink.beginPath();
    ink.moveTo(...middle);
    ink.quadraticCurveTo(...last, ...half);
    ink.stroke();
    [last, middle] = [at, half];
  }

  function lift() {
    ink.beginPath();
    ink.moveTo(...middle);
    ink.lineTo(...last);
    ink.stroke();
    keep(canvas.toDataURL("image/png").split(",")[1]);
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (pointer !== null || event.button !== 0) return;
    event.preventDefault();
    raise();
    canvas.focus({ preventScroll: true });
    pointer = event.pointerId;
    canvas.setPointerCapture(pointer);
    dot(place(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== pointer) return;
    const moves = event.getCoalescedEvents?.() ?? [];
    for (const move of moves.length ? moves : [event]) lineTo(place(move));
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, (event) => {
      if (event.pointerId !== pointer) return;
      pointer = null;
      lift();
    });
  }
  function wipe() {
    blank();
    keep("");
    canvas.focus({ preventScroll: true });
  }
  clear.addEventListener("click", wipe);

  const at = [SIDE / 2, SIDE / 4]; // the pen that the keys move
  let down = false;
  const arrows = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
  function raise() {
    if (down) lift();
    down = false;
    tip.classList.remove("down");
  }
  canvas.addEventListener("keydown", (event) => {
    // While the hand draws, no key does; and what is held with Ctrl, Alt or Cmd is meant for the browser.
    if (pointer !== null || event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = arrows[event.key];
    if (arrow) {
      for (const axis of [0, 1]) at[axis] = Math.min(SIDE - PEN, Math.max(PEN, at[axis] + arrow[axis]));
      if (down) lineTo([...at]);
    } else if (event.key === " ") {
      if (down) raise();
      else {
        down = true;
        dot([...at]);
      }
    } else if (event.key === "Delete" || event.key === "Backspace") {
      down = false;
      wipe();
    } else return;
    event.preventDefault();
    event.stopPropagation();
    tip.style.left = `${(at[0] / SIDE) * 100}%`;
    tip.style.top = `${(at[1] / SIDE) * 100}%`;
    tip.classList.add("moved");
    tip.classList.toggle("down", down);
  });
  canvas.addEventListener("blur", () => {
    raise();
    tip.classList.remove("moved");
  });

  blank();
  mark();
  follow();
  return { pad, follow };
}

export default {
  render({ model, el }) {
    const grid = document.createElement("div");
    grid.className = "ten-pads";
    grid.setAttribute("data-lm-suppress-shortcuts", "true");
    const pads = Array.from({ length: 10 }, (_, digit) => makePad(model, digit));
    grid.append(...pads.map((one) => one.pad));
    el.append(grid);
    const follow = () => pads.forEach((one) => one.follow());
    model.on("change:drawings", follow);
    return () => model.off("change:drawings", follow);
  },
};
