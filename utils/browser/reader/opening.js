/* From an image file, or the pixels of a drawing, to grey ones: the browser decodes a file. `utils/reader/decoding.py` is
careful with what strangers send to a server; here it is one's own device that opens one's own file, and the browser
guards it. */

import { toGrey } from "./decoding.js";
import { DigitsError } from "./errors.js";

/** How many megapixels an image may have, as in `utils/reader/decoding.py`. */
export const MAX_MEGAPIXELS = 100;
/** So many pixels are painted at a time: Safari on a phone gives a canvas no more than 16 million, and memory is short. */
const STRIP = 4e6;

/**
 * Open an image as a person sees it: turned as the camera was held, in grey.
 *
 * @param {Blob|ImageData} image - PNG, JPEG, WebP, GIF, BMP, or what else this browser knows; or pixels, as they are.
 * @param {string} name - What to call it in an error.
 * @returns {Promise<Grid>} Bytes, 0 = black, 255 = white.
 * @throws {DigitsError} A file is empty, no image, damaged, of a kind that this browser does not know, or too large.
 */
export async function openImage(image, name) {
  if (image instanceof ImageData) return toGrey(image);
  if (!image.size) throw new DigitsError(`${name} is empty: save it again as PNG or JPEG.`);
  let picture;
  try {
    const exact = { imageOrientation: "from-image", premultiplyAlpha: "none", colorSpaceConversion: "none" };
    picture = await createImageBitmap(image, exact);
  } catch {
    throw new DigitsError(`${name} is not an image that this browser can open: save it as PNG or JPEG.`);
  }
  const { width, height } = picture;
  try {
    const megapixels = (width * height) / 1e6;
    if (megapixels > MAX_MEGAPIXELS) {
      throw new DigitsError(
        `${name} has ${Math.round(megapixels)} megapixels: make it smaller than ${MAX_MEGAPIXELS}.`,
      );
    }
    const pixels = getPixels(picture);
    picture.close(); // before as much memory is taken once more
    return toGrey(pixels);
  } catch (error) {
    if (error instanceof DigitsError) throw error;
    throw new DigitsError(`${name} takes more memory than this browser gives: make it smaller.`);
  } finally {
    picture.close();
  }
}

/* What `getImageData` gives, taken strip by strip. */
function getPixels(picture) {
  const { width, height } = picture;
  const data = new Uint8ClampedArray(4 * width * height);
  const rows = Math.min(height, Math.ceil(STRIP / width));
  const paper = new OffscreenCanvas(width, rows).getContext("2d", { willReadFrequently: true });
  for (let top = 0; top < height; top += rows) {
    paper.clearRect(0, 0, width, rows);
    paper.drawImage(picture, 0, -top);
    const high = Math.min(rows, height - top);
    data.set(paper.getImageData(0, 0, width, high).data, 4 * width * top);
  }
  return { data, width, height };
}
