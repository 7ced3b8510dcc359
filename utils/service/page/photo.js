/* Photos: choosing one, showing it in the drawing's place, and making it smaller if it is too large to be sent. */

import { $ } from "./elements.js";

const LARGEST = 9.5e6; // larger photos are made smaller here: the service takes 10 MB
const LONGEST = 3000; // … to so many pixels

/**
 * Let photos be chosen.
 *
 * @param {function(File): void} onPhoto - One was chosen.
 */
export function startChoosing(onPhoto) {
  $("file").addEventListener("change", () => {
    const [file] = $("file").files;
    $("file").value = ""; // so that the same one can be chosen once more
    if (file) onPhoto(file);
  });
}

/**
 * Show a photo, and make an image of it that can be sent.
 *
 * @param {File} file
 * @returns {Promise<{image: Blob, name: string, size: ?number[], photo: boolean}>} Without a size, the browser cannot
 *   show it. The promise stays open if another photo takes its place before it is loaded.
 */
export async function openPhoto(file) {
  const photo = $("photo");
  const loaded = new Promise((resolve) => {
    photo.onload = () => resolve(true);
    photo.onerror = () => resolve(false); // such as HEIC, in most browsers: it is read, but cannot be shown
  });
  put(URL.createObjectURL(file));
  const seen = await loaded;
  if (!seen) hidePhoto();
  const size = seen ? [photo.naturalWidth, photo.naturalHeight] : null;
  return { name: file.name, photo: true, ...(await makeSmaller(file, size)) };
}

/** Show the drawing again. */
export function hidePhoto() {
  put(null);
}

function put(url) {
  const photo = $("photo");
  if (photo.src.startsWith("blob:")) URL.revokeObjectURL(photo.src);
  photo.hidden = url === null;
  $("pad").hidden = url !== null;
  if (url === null) photo.removeAttribute("src");
  else photo.src = url;
}

async function makeSmaller(file, size) {
  const same = { image: file, size };
  if (file.size <= LARGEST) return same;
  let picture;
  try {
    picture = await createImageBitmap(file);
  } catch {
    return same; // a kind that this browser does not know: the service will say whether it is too large
  }
  const scale = Math.min(1, LONGEST / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(picture.width * scale);
  canvas.height = Math.round(picture.height * scale);
  const paper = canvas.getContext("2d");
  paper.fillStyle = "#fff"; // below what is transparent
  paper.fillRect(0, 0, canvas.width, canvas.height);
  paper.drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close(); // it may take more memory than all else
  const image = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.9));
  return image ? { image, size: size && [canvas.width, canvas.height] } : same;
}
