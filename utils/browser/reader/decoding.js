/* From the pixels that a canvas gives to grey ones. As `_to_grey` of `utils/reader/decoding.py`, step by step: the
browser has decoded the file, turned it as EXIF says, and brought it to 8 bits; of a file of 16 bits or more, it may
have made other shades than Python does. Where a pixel is not opaque, a canvas keeps its colour only roughly. */

import { Grid, argmax, largest, median, percentile32 } from "./grids.js";

/**
 * Make an image grey: as a person sees it.
 *
 * It counts as transparent if any of its pixels is not quite opaque: the file's kind, which Python asks, is not known
 * here. If all are opaque, the result is the same.
 *
 * @param {{data: Uint8ClampedArray, width: number, height: number}} image - An `ImageData`: red, green, blue and alpha,
 *   not premultiplied.
 * @returns {Grid} 8 bits, 0 = black, 255 = white.
 */
export function toGrey(image) {
  if (hasTransparency(image)) image = putOn(paperBelow(image), image);
  const grey = toLuminance(image);
  // Ink that is as bright as its paper, such as yellow on white, shows in one of the colours, if there are any.
  const few = resize(image, Math.min(image.width, 300), Math.min(image.height, 300));
  if (hasNoColours(few)) return grey;
  const channels = [0, 1, 2].map((index) => getChannel(few, index).as(Float32Array));
  const spreads = channels.map(spread);
  const [red, green, blue] = channels.map((channel) => channel.data);
  const weights = Float32Array.of(0.299, 0.587, 0.114);
  const bright = channels[0].map((_, i) => weights[0] * red[i] + weights[1] * green[i] + weights[2] * blue[i]);
  return spread(bright) < 0.4 * largest(spreads) ? getChannel(image, argmax(spreads)) : grey;
}

function hasTransparency({ data }) {
  for (let i = 3; i < data.length; i += 4) if (data[i] < 255) return true;
  return false;
}

function hasNoColours({ data }) {
  for (let i = 0; i < data.length; i += 4) if (data[i] !== data[i + 1] || data[i] !== data[i + 2]) return false;
  return true;
}

/* `Image.alpha_composite` on a paper of one shade. */
function putOn(paper, { data, width, height }) {
  const flat = new Uint8ClampedArray(data.length).fill(255);
  for (let i = 0; i < data.length; i += 4) {
    const alpha = data[i + 3];
    const below = paper * (255 - alpha) + 127; // 127: rounded, not cut off
    flat[i] = ((data[i] * alpha + below) / 255) | 0;
    flat[i + 1] = ((data[i + 1] * alpha + below) / 255) | 0;
    flat[i + 2] = ((data[i + 2] * alpha + below) / 255) | 0;
  }
  return { data: flat, width, height };
}

/* `Image.convert("L")`: by ITU-R 601-2, in whole numbers. */
function toLuminance({ data, width, height }) {
  const grey = Grid.full(height, width);
  for (let i = 0, j = 0; i < grey.data.length; i++, j += 4) {
    grey.data[i] = (data[j] * 19595 + data[j + 1] * 38470 + data[j + 2] * 7471 + 0x8000) >> 16;
  }
  return grey;
}

function getChannel({ data, width, height }, index) {
  const channel = Grid.full(height, width);
  for (let i = 0, j = index; i < channel.data.length; i++, j += 4) channel.data[i] = data[j];
  return channel;
}

/* `Image.resize` with `Resampling.NEAREST`. */
function resize({ data, width, height }, newWidth, newHeight) {
  const [columns, rows] = [nearest(width, newWidth), nearest(height, newHeight)];
  const few = new Uint8ClampedArray(4 * newWidth * newHeight);
  let to = 0;
  for (const y of rows) {
    for (const x of columns) {
      const from = 4 * (y * width + x);
      for (let channel = 0; channel < 4; channel++) few[to++] = data[from + channel];
    }
  }
  return { data: few, width: newWidth, height: newHeight };
}

/* The middles of the new pixels, in old ones: added up one by one, as Pillow does, not multiplied: they round alike. */
function nearest(size, newSize) {
  const places = new Int32Array(newSize);
  const step = size / newSize;
  for (let i = 0, place = 0.5 * step; i < newSize; i++, place += step) places[i] = place;
  return places;
}

/* Measure how far the pixels lie from those at the border: the most distant of a hundred. */
function spread(channel) {
  const { height, width } = channel;
  const border = [channel.row(0), channel.row(height - 1), channel.column(0), channel.column(width - 1)];
  const paper = median(border.flatMap((side) => Array.from(side)));
  return percentile32(channel.map((value) => Math.abs(value - paper)).data, 99);
}

/* Choose what a transparent image lies on: black, if there is little but light ink on it. */
function paperBelow(image) {
  const few = resize(image, Math.min(image.width, 1000), Math.min(image.height, 1000));
  const [grey, alpha] = [toLuminance(few).data, getChannel(few, 3).data];
  let [opaque, total] = [0, 0];
  for (let i = 0; i < alpha.length; i++) {
    if (alpha[i] <= 127) continue;
    opaque++;
    total += grey[i];
  }
  const lightInk = opaque > 0 && opaque / alpha.length < 0.5 && total / opaque > 200;
  return lightInk ? 0 : 255;
}
