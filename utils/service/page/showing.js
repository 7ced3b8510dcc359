/* Showing what came: the sentence, the digits and their boxes, and the bars of one digit. */

import { $ } from "./elements.js";

/** Say in a sentence how things stand; with a share from 0 to 1, how far it is. Screen readers do not count along. */
export function say(text, problem = false, share = null) {
  const status = $("status");
  if (share === null || status.firstChild?.data !== text) status.textContent = text;
  if (share !== null) {
    if (!status.lastElementChild) status.append(makeCounter());
    status.lastElementChild.textContent = ` ${Math.round(100 * share)}%`;
  }
  $("status").classList.toggle("problem", problem);
  if (!problem) $("again").hidden = true;
}

function makeCounter() {
  const counter = document.createElement("span");
  counter.setAttribute("aria-hidden", "true");
  return counter;
}

/** Say why nothing was read, and offer another try or not. */
export function complain(text, again) {
  hideResult();
  say(text, true);
  $("again").hidden = !again;
}

/** Take away what was read before. */
export function hideResult() {
  $("result").hidden = true;
  $("boxes").replaceChildren();
  placed = null;
}

const NO_DIGITS = "this does not look like digits"; // a reading's note, among others
let placed = null; // the digits whose boxes stand there, and the size of their image

/* What there is to say of a reading. */
function describe({ digits, note }) {
  if (!digits.length) {
    if (note && note !== "no digit found") return `${note[0].toUpperCase()}${note.slice(1)}.`; // too much on it
    return "No digit was found: write a little larger, or with a darker pen.";
  }
  if (note === NO_DIGITS) return "This does not look like digits: nothing of it is read for sure.";
  const count = digits.length === 1 ? "One digit was found" : `${digits.length} digits were found`;
  const turned = note ? `, ${note}` : ""; // upside down or on its side
  const unsure = digits.filter((one) => !one.confident).length;
  if (!unsure) return `${count}${turned}.`;
  return `${count}${turned}; ${unsure === digits.length ? "none" : "not every one"} of them is read for sure.`;
}

const percent = (share) => `${(100 * share).toFixed(1)}%`;

/**
 * Show a reading.
 *
 * @param {{text: string, digits: object[], note: ?string}} answer - What askForReading gave.
 * @param {?number[]} size - Width and height of the image that was read; without it, no boxes are drawn.
 * @param {function(object): void} onChoose - One of the digits was chosen; the first one is, to begin with.
 */
export function show(answer, size, onChoose) {
  const found = answer.digits;
  hideResult();
  say(describe(answer), !found.length || answer.note === NO_DIGITS);
  if (!found.length) return;
  $("text").textContent = answer.text;
  $("digits").replaceChildren(...found.map(makeButton));
  if (size) $("boxes").replaceChildren(...found.map(makeBox));
  placed = size && { found, size };
  placeBoxes();
  $("result").hidden = false;
  choose(found, 0);
  onChoose(found[0]);
  for (const [index, button] of [...$("digits").children].entries()) {
    button.addEventListener("click", () => {
      choose(found, index);
      onChoose(found[index]);
    });
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
function fitted(size) {
  const [width, height] = [$("paper").clientWidth, $("paper").clientHeight];
  const scale = Math.min(width / size[0], height / size[1]);
  return { scale, left: (width - size[0] * scale) / 2, top: (height - size[1] * scale) / 2 };
}

function makeBox(one) {
  const box = document.createElement("div");
  box.classList.toggle("unsure", !one.confident);
  box.append(document.createElement("span"));
  return box;
}

/* Put the boxes where the digits are; anew when a phone is turned, for then the photo has other margins. */
function placeBoxes() {
  if (!placed) return;
  const fit = fitted(placed.size);
  for (const [index, box] of [...$("boxes").children].entries()) {
    const { box: [x, y, w, h], digit, probability } = placed.found[index]; // prettier-ignore
    box.style.left = `${fit.left + x * fit.scale}px`;
    box.style.top = `${fit.top + y * fit.scale}px`;
    box.style.width = `${w * fit.scale}px`;
    box.style.height = `${h * fit.scale}px`;
    box.classList.toggle("below", fit.top + y * fit.scale < 20);
    box.firstChild.textContent = w * fit.scale > 90 ? `${digit} · ${percent(probability)}` : digit;
  }
}
new ResizeObserver(placeBoxes).observe($("paper"));

function choose(found, index) {
  const one = found[index];
  for (const [i, button] of [...$("digits").children].entries()) button.setAttribute("aria-pressed", i === index);
  for (const [i, box] of [...$("boxes").children].entries()) box.classList.toggle("chosen", i === index);
  const which = found.length === 1 ? "" : `digit ${index + 1} of ${found.length}, `;
  showBars(one.probabilities, one.digit, `How probable the network finds each: ${which}read as ${one.digit}`);
}

/**
 * Draw a bar for each of the ten digits.
 *
 * @param {number[]} probabilities - From 0 to 1.
 * @param {number} highest - The digit whose bar stands out.
 * @param {string} caption
 */
export function showBars(probabilities, highest, caption) {
  $("bars").caption.textContent = caption;
  $("bars").tBodies[0].replaceChildren(
    ...probabilities.map((share, digit) => {
      const row = document.createElement("tr");
      row.classList.toggle("highest", digit === highest);
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
