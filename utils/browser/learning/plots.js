/* Curves and weights, drawn. */

const SPACE = { left: 48, right: 10, top: 22, bottom: 28, width: 320, height: 200 };
const SIDE = 28;
const RED = [178, 24, 43];
const BLUE = [33, 102, 172];

/**
 * Draw curves over the epochs.
 *
 * @param {SVGElement} svg - What to draw in.
 * @param {{kind: string, points: number[][]}[]} lines - Epochs and values; the kind gives the colour.
 * @param {number} last - The epoch at the right end.
 * @param {string} title - What is drawn.
 * @param {number} [most] - The value at the top; by default the largest.
 */
export function showCurve(svg, lines, last, title, most) {
  const values = lines.flatMap(({ points }) => points.map(([, y]) => y)).filter(Number.isFinite);
  const top = most ?? Math.max(0.1, ...values);
  const { left, right, bottom, width, height } = SPACE;
  const x = (epoch) => left + (epoch / last) * (width - left - right);
  const y = (value) => height - bottom - (Math.min(value, top) / top) * (height - bottom - SPACE.top);
  svg.replaceChildren(text(left, 14, title, "start"), text((left + width - right) / 2, height - 8, "Epochs"));
  for (const share of [0, 0.5, 1]) {
    const level = share * top;
    svg.append(make("line", { x1: left, x2: width - right, y1: y(level), y2: y(level) }));
    svg.append(text(left - 6, y(level) + 4, most === 1 ? `${100 * share}%` : level.toFixed(1), "end"));
  }
  for (const epoch of [0, last]) svg.append(text(x(epoch), height - 8, epoch, epoch ? "end" : "start"));
  for (const { kind, points } of lines) {
    const places = points.filter(([, value]) => Number.isFinite(value)).map(([epoch, value]) => [x(epoch), y(value)]);
    svg.append(make("polyline", { class: kind, points: places.map((one) => one.join()).join(" ") }));
    if (places.length) svg.append(make("circle", { class: kind, cx: places.at(-1)[0], cy: places.at(-1)[1], r: 4 }));
  }
  const now = lines.filter(({ points }) => points.length).map(({ kind, points }) => `${kind} ${points.at(-1)[1].toFixed(2)}`);
  svg.setAttribute("aria-label", `${title} over the epochs, now ${now.join(", ")}`);
}

/**
 * Draw the weights of neurons as pictures: positive ones red, negative ones blue, 0 white. Each picture has its own scale:
 * its largest weight has the full colour.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {Float32Array} w - The weights, from 784 pixels to all neurons, row by row.
 * @param {number} neurons - How many there are.
 * @param {number} shown - How many are drawn.
 */
export function showWeights(canvas, w, neurons, shown) {
  const across = shown > 10 ? Math.ceil(shown / 2) : Math.min(5, shown);
  const [width, height] = [across * (SIDE + 1) - 1, Math.ceil(shown / across) * (SIDE + 1) - 1];
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(width, height);
  for (let neuron = 0; neuron < shown; neuron++) {
    let most = 1e-9;
    for (let i = 0; i < SIDE * SIDE; i++) most = Math.max(most, Math.abs(w[i * neurons + neuron]));
    const [left, top] = [(neuron % across) * (SIDE + 1), Math.floor(neuron / across) * (SIDE + 1)];
    for (let i = 0; i < SIDE * SIDE; i++) {
      const share = w[i * neurons + neuron] / most;
      const color = (share > 0 ? RED : BLUE).map((value) => 255 + (value - 255) * Math.abs(share));
      pixels.data.set([...color, 255], 4 * ((top + Math.floor(i / SIDE)) * width + left + (i % SIDE)));
    }
  }
  context.putImageData(pixels, 0, 0);
}

function make(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function text(x, y, words, anchor = "middle") {
  const element = make("text", { x, y, "text-anchor": anchor });
  element.textContent = words;
  return element;
}
