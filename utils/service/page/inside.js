/* A look inside the network: what it sees, what its answer rests on, and what its blocks let through. */

import { $ } from "./elements.js";

const SIDE = 28; // of what the network sees, in pixels
const LARGE = 10; // of the map of what the answer rests on, pixels for each of those
const ACROSS = 12; // so many pictures stand in a row
const PAPER = [255, 255, 255];
const INK = [29, 39, 51];
const ORANGE = [179, 88, 6];
const PURPLE = [84, 39, 136];

/**
 * Let people look inside.
 *
 * @param {?function(Uint8Array): Promise<object>} lookInside - Of `asking.js`; without it, nothing is shown.
 * @returns {function(object): void} Shows what the network sees of a digit, and the rest once it is asked for.
 */
export function startLooking(lookInside) {
  let chosen = null;

  async function look() {
    const one = chosen;
    if (!one?.image || !$("deeper").open) return;
    try {
      const inside = await lookInside(one.image);
      if (one === chosen) showInside(one.image, inside);
    } catch (error) {
      if (one === chosen) showFailure(error);
    }
  }

  $("deeper").addEventListener("toggle", look);
  return function offerLook(one) {
    chosen = one;
    $("inside").hidden = !lookInside || !one.image;
    if ($("inside").hidden) return;
    paint($("seen"), SIDE, SIDE, (i) => mix(PAPER, INK, one.image[i] / 255));
    $("seen").setAttribute("aria-label", `A ${one.digit} as the network sees it, 28 by 28 pixels`);
    look();
  };
}

/* Say why there is nothing to see: with a ReadingError, in a sentence. */
function showFailure(error) {
  $("rests").hidden = true;
  $("rests").nextElementSibling.textContent = error.message;
  $("blocks").replaceChildren();
}

function showInside(image, { digit, drop, blocks }) {
  const most = Math.max(1, ...drop.map(Math.abs));
  const canvas = $("rests");
  canvas.hidden = false;
  paint(canvas, SIDE * LARGE, SIDE * LARGE, (i) => {
    const [x, y] = [Math.floor((i % (SIDE * LARGE)) / LARGE), Math.floor(i / (SIDE * LARGE) / LARGE)];
    const share = drop[y * SIDE + x] / most;
    return mix(PAPER, share > 0 ? ORANGE : PURPLE, Math.abs(share));
  });
  outline(canvas.getContext("2d"), image);
  canvas.setAttribute("aria-label", `A map of the pixels on which the answer ${digit} rests`);
  canvas.nextElementSibling.textContent =
    `What the answer ${digit} rests on. Where it is orange, a white patch of 5 × 5 pixels makes the network less sure ` +
    "of it; where it is purple, surer.";
  $("blocks").replaceChildren(...blocks.map(showBlock));
}

function showBlock({ height, width, maps }, index) {
  const figure = document.createElement("figure");
  const canvas = document.createElement("canvas");
  const caption = document.createElement("figcaption");
  const name = ["first", "second"][index];
  const most = Math.max(1e-9, ...maps.map((map) => Math.max(...map)));
  const [high, wide] = [height + 1, width + 1]; // with a line between them
  const across = Math.min(ACROSS, maps.length);
  const rows = Math.ceil(maps.length / across);
  paint(canvas, across * wide - 1, rows * high - 1, (i) => {
    const [x, y] = [i % (across * wide - 1), Math.floor(i / (across * wide - 1))];
    const map = maps[Math.floor(y / high) * across + Math.floor(x / wide)];
    if (!map || x % wide === width || y % high === height) return [195, 204, 213];
    return mix(PAPER, INK, map[(y % high) * width + (x % wide)] / most);
  });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${maps.length} feature maps: what the ${name} block lets through`);
  caption.textContent =
    `What the ${name} block lets through: ${maps.length} feature maps of ${height} × ${width}, one for each filter. ` +
    "Dark is where the filter has found what it looks for.";
  figure.append(canvas, caption);
  return figure;
}

const mix = (from, to, share) => from.map((value, i) => value + (to[i] - value) * share);

/* Give each pixel of a canvas its colour, [r, g, b] of its number. */
function paint(canvas, width, height, color) {
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(width, height);
  for (let i = 0; i < width * height; i++) pixels.data.set([...color(i), 255], 4 * i);
  context.putImageData(pixels, 0, 0);
}

/* Draw the edge between ink and paper. */
function outline(context, image) {
  const inked = (x, y) => x >= 0 && y >= 0 && x < SIDE && y < SIDE && image[y * SIDE + x] > 127;
  context.lineWidth = 2;
  context.strokeStyle = "#000";
  context.beginPath();
  for (let y = 0; y <= SIDE; y++) {
    for (let x = 0; x <= SIDE; x++) {
      if (inked(x, y) !== inked(x - 1, y)) {
        context.moveTo(x * LARGE, y * LARGE);
        context.lineTo(x * LARGE, (y + 1) * LARGE);
      }
      if (inked(x, y) !== inked(x, y - 1)) {
        context.moveTo(x * LARGE, y * LARGE);
        context.lineTo((x + 1) * LARGE, y * LARGE);
      }
    }
  }
  context.stroke();
}
