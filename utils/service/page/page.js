"use strict";
/* Draw or choose a photo; each change is sent to /predict, and the newest answer is shown. */

const PEN = 22; // the pen's width, in pixels of the canvas
const STEP = 14; // how far an arrow key moves the pen
const LARGEST = 9.5e6; // larger photos are made smaller here: the service takes 10 MB
const LONGEST = 3000; // … to so many pixels
const TRIES = 4; // how often a busy service is asked

const $ = (id) => document.getElementById(id);
const pad = $("pad");
const context = pad.getContext("2d");

if (matchMedia("(max-width: 36rem)").matches) pad.height = pad.width; // a phone's screen is high rather than wide

let strokes = []; // each a list of points, in pixels of the canvas
let stroke = null; // the one that is being drawn
let pointer = null; // which finger draws it
let size = [pad.width, pad.height]; // of the image that was sent
let request = null; // the one that is under way
let last = null; // what to send when it is tried again
let turn = 0; // counts what is begun, so that what comes late is left alone

/* ---- drawing ---- */

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
  $("undo").disabled = !strokes.length;
  $("clear").disabled = !strokes.length && $("photo").hidden;
}

function place(event) {
  const frame = pad.getBoundingClientRect();
  return [
    ((event.clientX - frame.left) * pad.width) / frame.width,
    ((event.clientY - frame.top) * pad.height) / frame.height,
  ];
}

function beginStroke() {
  turn++; // what is being read is no longer what stands here
  if (request) request.abort();
  hideResult();
}

function endStroke() {
  if (!stroke) return;
  strokes.push(stroke);
  stroke = pointer = null;
  redraw();
  sendDrawing();
}

pad.addEventListener("pointerdown", (event) => {
  if (stroke || event.button) return;
  event.preventDefault();
  pad.focus({ focusVisible: false, preventScroll: true });
  pad.setPointerCapture(event.pointerId);
  pointer = event.pointerId;
  stroke = [place(event)];
  beginStroke();
  redraw();
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

/* The keyboard's pen: arrows move it, the space bar puts it down and lifts it. */
let nib = [pad.width / 2, pad.height / 4];
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

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
    else {
      beginStroke();
      stroke = [[...nib]];
      redraw();
    }
  } else return;
  event.preventDefault();
  showNib();
});
pad.addEventListener("blur", () => {
  if (pointer === null) endStroke();
  $("nib").hidden = true;
});

/* ---- undo, clear ---- */

function undo() {
  strokes.pop();
  redraw();
  if (strokes.length) sendDrawing();
  else clear();
}

function clear() {
  turn++;
  strokes = [];
  stroke = pointer = null;
  if (request) request.abort();
  showPhoto(null);
  hideResult();
  redraw();
  say("Draw something.");
}

$("undo").addEventListener("click", undo);
$("clear").addEventListener("click", clear);
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && strokes.length) {
    event.preventDefault();
    undo();
  } else if (event.key === "Escape") clear();
});

/* ---- photos ---- */

function showPhoto(url) {
  const photo = $("photo");
  if (photo.src.startsWith("blob:")) URL.revokeObjectURL(photo.src);
  photo.hidden = url === null;
  pad.hidden = url !== null;
  if (url === null) photo.removeAttribute("src");
  else photo.src = url;
}

async function makeSmaller(file) {
  if (file.size <= LARGEST) return file;
  let picture;
  try {
    picture = await createImageBitmap(file);
  } catch {
    return file; // a kind that this browser does not know: the service will say whether it is too large
  }
  const scale = Math.min(1, LONGEST / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(picture.width * scale);
  canvas.height = Math.round(picture.height * scale);
  const paper = canvas.getContext("2d");
  paper.fillStyle = "#fff"; // below what is transparent
  paper.fillRect(0, 0, canvas.width, canvas.height);
  paper.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob((blob) => resolve(blob || file), "image/jpeg", 0.9));
}

$("file").addEventListener("change", async () => {
  const [file] = $("file").files;
  $("file").value = ""; // so that the same one can be chosen once more
  if (!file) return;
  clear();
  const mine = ++turn;
  const photo = $("photo");
  const loaded = new Promise((resolve) => {
    photo.onload = () => resolve(true);
    photo.onerror = () => resolve(false); // such as HEIC, in most browsers: it is read, but cannot be shown
  });
  showPhoto(URL.createObjectURL(file));
  redraw();
  say("Reading …");
  const seen = await loaded;
  const image = await makeSmaller(file);
  if (mine !== turn) return;
  if (!seen) {
    showPhoto(null);
    pad.hidden = false;
    size = null;
  } else if (image === file) size = [photo.naturalWidth, photo.naturalHeight];
  else {
    const scale = Math.min(1, LONGEST / Math.max(photo.naturalWidth, photo.naturalHeight));
    size = [photo.naturalWidth * scale, photo.naturalHeight * scale];
  }
  send(image, file.name);
});

/* ---- asking the service ---- */

function sendDrawing() {
  const mine = ++turn;
  size = [pad.width, pad.height];
  pad.toBlob((blob) => mine === turn && send(blob, "drawing.png"), "image/png");
}

const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

async function send(blob, name) {
  if (request) request.abort();
  const mine = (request = new AbortController());
  last = [blob, name];
  const form = new FormData();
  form.append("file", blob, name);
  const slow = setTimeout(() => say("Reading …"), 300);
  try {
    for (let attempt = 1; ; attempt++) {
      const response = await fetch("/predict", { method: "POST", body: form, signal: mine.signal });
      const later = response.headers.get("Retry-After"); // not with an image that takes too long: it would again
      if (response.status === 503 && later && attempt < TRIES) {
        say("The service is busy: waiting for a turn …");
        await pause(Number(later) || 1);
        if (mine.signal.aborted) return;
        continue;
      }
      const answer = await response.json().catch(() => ({ error: "The service gave no answer that can be read." }));
      if (mine !== request) return;
      if (response.ok) show(answer);
      else complain(answer.error || "The service could not read it.", response.status === 503);
      return;
    }
  } catch (error) {
    if (error.name !== "AbortError" && mine === request) {
      complain("The server cannot be reached: is it still running, and is this device in its network?", true);
    }
  } finally {
    clearTimeout(slow);
  }
}

$("again").addEventListener("click", () => last && send(...last));
window.addEventListener("online", () => !$("again").hidden && last && send(...last));

/* ---- showing what came ---- */

function say(text, problem = false) {
  $("status").textContent = text;
  $("status").classList.toggle("problem", problem);
  if (!problem) $("again").hidden = true;
}

function complain(text, again) {
  hideResult();
  say(text, true);
  $("again").hidden = !again;
}

function hideResult() {
  $("result").hidden = true;
  $("boxes").replaceChildren();
}

const percent = (share) => `${(100 * share).toFixed(1)} %`;

function show(answer) {
  const found = answer.digits;
  hideResult();
  if (!found.length) {
    say("No digit was found: write a little larger, or with a darker pen.", true);
    return;
  }
  const unsure = found.filter((one) => !one.confident).length;
  say(
    (found.length === 1 ? "One digit was found" : `${found.length} digits were found`) +
      (unsure ? `; ${unsure === found.length ? "none" : "not every one"} of them is read for sure.` : "."),
  );
  $("text").textContent = answer.text;
  $("digits").replaceChildren(...found.map(makeButton));
  if (size) $("boxes").replaceChildren(...found.map(makeBox));
  $("result").hidden = false;
  choose(found, 0);
  for (const [index, button] of [...$("digits").children].entries()) {
    button.addEventListener("click", () => choose(found, index));
  }
}

function makeButton(one) {
  const button = document.createElement("button");
  const share = document.createElement("small");
  button.type = "button";
  button.classList.toggle("unsure", !one.confident);
  share.textContent = percent(one.probability) + (one.confident ? "" : " ?");
  button.append(String(one.digit), share);
  return button;
}

/* The part of the paper that the image fills: a tall photo has a margin at its sides. */
function fitted() {
  const [width, height] = [$("paper").clientWidth, $("paper").clientHeight];
  const scale = Math.min(width / size[0], height / size[1]);
  return { scale, left: (width - size[0] * scale) / 2, top: (height - size[1] * scale) / 2, width, height };
}

function makeBox(one) {
  const [x, y, w, h] = one.box;
  const fit = fitted();
  const box = document.createElement("div");
  const label = document.createElement("span");
  box.style.left = `${(100 * (fit.left + x * fit.scale)) / fit.width}%`;
  box.style.top = `${(100 * (fit.top + y * fit.scale)) / fit.height}%`;
  box.style.width = `${(100 * w * fit.scale) / fit.width}%`;
  box.style.height = `${(100 * h * fit.scale) / fit.height}%`;
  box.classList.toggle("unsure", !one.confident);
  box.classList.toggle("below", fit.top + y * fit.scale < 20);
  label.textContent = w * fit.scale > 90 ? `${one.digit} · ${percent(one.probability)}` : one.digit;
  box.append(label);
  return box;
}

function choose(found, index) {
  const one = found[index];
  for (const [i, button] of [...$("digits").children].entries()) button.setAttribute("aria-pressed", i === index);
  for (const [i, box] of [...$("boxes").children].entries()) box.classList.toggle("chosen", i === index);
  const which = found.length === 1 ? "" : `digit ${index + 1} of ${found.length}, `;
  $("bars").caption.textContent = `How probable the network finds each: ${which}read as ${one.digit}`;
  $("bars").tBodies[0].replaceChildren(
    ...one.probabilities.map((share, digit) => {
      const row = document.createElement("tr");
      row.classList.toggle("highest", digit === one.digit);
      const head = document.createElement("th");
      head.scope = "row";
      head.textContent = digit;
      const bar = document.createElement("span");
      bar.className = "bar";
      bar.style.width = `${100 * share}%`;
      row.append(head);
      row.insertCell().append(bar);
      row.insertCell().textContent = percent(share);
      return row;
    }),
  );
}

redraw();
