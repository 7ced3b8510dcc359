/* The paper: drawing on it with a mouse, a finger or the keyboard, taking strokes back, and beginning anew. */

import { takeDrawing } from "./asking.js";
import { $ } from "./elements.js";

const PEN = 22; // the pen's width, in pixels of the canvas
const STEP = 14; // how far an arrow key moves the pen
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const pad = $("pad");
const context = pad.getContext("2d", { willReadFrequently: true }); // at each pen up

if (matchMedia("(max-width: 36rem)").matches) pad.height = pad.width; // a phone's screen is high rather than wide

let strokes = []; // each a list of points, in pixels of the canvas
let stroke = null; // the one that is being drawn
let pointer = null; // which finger draws it
let nib = [pad.width / 2, pad.height / 4]; // where the keyboard's pen is
let tell = null; // what startDrawing was given

/**
 * Let the paper be drawn on.
 *
 * @param {object} callbacks
 * @param {function(): void} callbacks.onStroke - A stroke begins: what was read before no longer stands here.
 * @param {function(Promise<{image: Blob|ImageData, name: string, size: number[]}>): void} callbacks.onDrawing - The
 *   drawing has changed, and here it is (see `takeDrawing`).
 * @param {function(): void} callbacks.onClear - The paper is empty again.
 */
export function startDrawing(callbacks) {
  tell = callbacks;
  redraw();
}

/** Take everything away. */
export function clear() {
  strokes = [];
  stroke = pointer = null;
  redraw();
  if (!$("nib").hidden) showNib();
  tell.onClear();
}

function redraw() {
  context.fillStyle = "#fff";
  context.fillRect(0, 0, pad.width, pad.height);
  context.lineWidth = PEN;
  context.lineCap = context.lineJoin = "round";
  context.strokeStyle = "#000";
  for (const points of stroke ? [...strokes, stroke] : strokes) {
    context.beginPath();
    context.moveTo(...points[0]);
    // Through the middles between points, which makes a smooth line; a dot is a line without a length.
    for (let i = 1; i < points.length - 1; i++) {
      const [x, y] = points[i];
      context.quadraticCurveTo(x, y, (x + points[i + 1][0]) / 2, (y + points[i + 1][1]) / 2);
    }
    context.lineTo(...points[points.length - 1]);
    context.stroke();
  }
  $("undo").disabled = $("clear").disabled = !strokes.length;
}

async function toImage() {
  return { image: await takeDrawing(pad), name: "drawing.png", size: [pad.width, pad.height] };
}

function beginStroke(point) {
  stroke = [point];
  tell.onStroke();
  redraw();
}

function endStroke() {
  if (!stroke) return;
  strokes.push(stroke);
  stroke = pointer = null;
  redraw();
  tell.onDrawing(toImage());
}

/* ---- by mouse, pen or finger ---- */

function place(event) {
  const frame = pad.getBoundingClientRect();
  return [
    ((event.clientX - frame.left) * pad.width) / frame.width,
    ((event.clientY - frame.top) * pad.height) / frame.height,
  ];
}

pad.addEventListener("pointerdown", (event) => {
  if (stroke || event.button) return;
  event.preventDefault();
  pad.focus({ focusVisible: false, preventScroll: true });
  pad.setPointerCapture(event.pointerId);
  pointer = event.pointerId;
  beginStroke(place(event));
});
pad.addEventListener("pointermove", (event) => {
  if (!stroke || event.pointerId !== pointer) return;
  const events = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
  stroke.push(...(events.length ? events : [event]).map(place));
  redraw();
});
for (const name of ["pointerup", "pointercancel"]) {
  pad.addEventListener(name, (event) => {
    if (event.pointerId === pointer) endStroke();
  });
}

/* ---- by keyboard: arrows move the pen, the space bar puts it down and lifts it ---- */

function showNib() {
  $("nib").hidden = false;
  $("nib").classList.toggle("down", stroke !== null);
  $("nib").style.left = `${(100 * nib[0]) / pad.width}%`;
  $("nib").style.top = `${(100 * nib[1]) / pad.height}%`;
}

pad.addEventListener("keydown", (event) => {
  if (pointer !== null || event.ctrlKey || event.metaKey || event.altKey) return;
  const arrow = ARROWS[event.key];
  if (arrow) {
    const far = event.shiftKey ? 3 : 1;
    nib = [
      Math.min(Math.max(nib[0] + arrow[0] * STEP * far, PEN), pad.width - PEN),
      Math.min(Math.max(nib[1] + arrow[1] * STEP * far, PEN), pad.height - PEN),
    ];
    if (stroke) stroke.push([...nib]);
    redraw();
  } else if (event.key === " ") {
    if (stroke) endStroke();
    else beginStroke([...nib]);
  } else return;
  event.preventDefault();
  showNib();
});
pad.addEventListener("blur", () => {
  if (pointer === null) endStroke();
  $("nib").hidden = true;
});

/* ---- undo, clear ---- */

/* Take back the stroke that is being drawn, or else the last one. */
function undo() {
  if (!stroke) strokes.pop();
  stroke = pointer = null;
  redraw();
  if (!$("nib").hidden) showNib();
  if (strokes.length) tell.onDrawing(toImage());
  else clear();
}

$("undo").addEventListener("click", undo);
$("clear").addEventListener("click", clear);
document.addEventListener("keydown", (event) => {
  if (event.target.closest("input:not([type=file]), select")) return; // there, these keys mean something else
  if ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "z" && (stroke || strokes.length)) {
    event.preventDefault();
    undo();
  } else if (event.key === "Escape") clear();
});
