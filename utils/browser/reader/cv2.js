/* OpenCV's functions with the names and the order that Python has for them, from grids to grids.

The library wants its matrices given back by hand: here alone they are made and deleted. */

import { Grid } from "./grids.js";

let cv = null;

/** Give this module its OpenCV, once, before anything else is called: what `loadOpenCV` of `@opencvjs/web` gives. */
export function use(opencv) {
  cv = opencv;
}

/** OpenCV's constants, by their names in Python: `constant("MORPH_CLOSE")`. */
const constant = (name) => {
  if (!(name in cv)) throw new Error(`OpenCV has no ${name}`);
  return cv[name];
};

/* Run with matrices that are deleted afterwards: `make` gives an empty one, `take` one with a grid's values. */
function withMatrices(work) {
  const all = [];
  const keep = (matrix) => (all.push(matrix), matrix);
  try {
    return work(
      (grid) => keep(toMatrix(grid)),
      () => keep(new cv.Mat()),
      keep,
    );
  } finally {
    for (const matrix of all) matrix.delete();
  }
}

function toMatrix(grid) {
  const [type, view] = {
    Uint8Array: [cv.CV_8UC1, "data"],
    Int16Array: [cv.CV_16SC1, "data16S"],
    Int32Array: [cv.CV_32SC1, "data32S"],
    Float32Array: [cv.CV_32FC1, "data32F"],
    Float64Array: [cv.CV_64FC1, "data64F"],
  }[grid.data.constructor.name];
  const matrix = new cv.Mat(grid.height, grid.width, type);
  matrix[view].set(grid.data);
  return matrix;
}

function toGrid(matrix) {
  const view = {
    [cv.CV_8U]: "data",
    [cv.CV_16S]: "data16S",
    [cv.CV_32S]: "data32S",
    [cv.CV_32F]: "data32F",
    [cv.CV_64F]: "data64F",
  }[matrix.depth()];
  return new Grid(matrix[view].slice(), matrix.rows, matrix.cols);
}

/* Points, [x, y] each, as a matrix with two channels and a row for each. */
function toPoints(points, type) {
  return cv.matFromArray(points.length, 1, type, points.flat());
}

/** A kernel of ones: `numpy.ones((height, width))`. */
export const ones = (height, width) => Grid.full(height, width, 1);

export function getStructuringElement(shape, width, height) {
  return withMatrices((take, make, keep) =>
    toGrid(keep(cv.getStructuringElement(constant(shape), new cv.Size(width, height)))),
  );
}

export function dilate(grid, kernel) {
  return withMatrices((take, make) => {
    const result = make();
    cv.dilate(take(grid), result, take(kernel));
    return toGrid(result);
  });
}

export function erode(grid, kernel) {
  return withMatrices((take, make) => {
    const result = make();
    cv.erode(take(grid), result, take(kernel));
    return toGrid(result);
  });
}

export function morphologyEx(grid, operation, kernel) {
  return withMatrices((take, make) => {
    const result = make();
    cv.morphologyEx(take(grid), result, constant(operation), take(kernel));
    return toGrid(result);
  });
}

/** `cv2.GaussianBlur(grid, (0, 0), sigma)`. */
export function GaussianBlur(grid, sigma) {
  return withMatrices((take, make) => {
    const result = make();
    cv.GaussianBlur(take(grid), result, new cv.Size(0, 0), sigma);
    return toGrid(result);
  });
}

export function medianBlur(grid, size) {
  return withMatrices((take, make) => {
    const result = make();
    cv.medianBlur(take(grid), result, size);
    return toGrid(result);
  });
}

export function resize(grid, width, height, interpolation = "INTER_LINEAR") {
  return withMatrices((take, make) => {
    const result = make();
    cv.resize(take(grid), result, new cv.Size(width, height), 0, 0, constant(interpolation));
    return toGrid(result);
  });
}

/** `cv2.resize(grid, None, fx=scale, fy=scale, interpolation=…)`. */
export function rescale(grid, scale, interpolation = "INTER_LINEAR") {
  return withMatrices((take, make) => {
    const result = make();
    cv.resize(take(grid), result, new cv.Size(0, 0), scale, scale, constant(interpolation));
    return toGrid(result);
  });
}

/** The same margin on all sides. */
export function copyMakeBorder(grid, margin, kind) {
  return withMatrices((take, make) => {
    const result = make();
    cv.copyMakeBorder(take(grid), result, margin, margin, margin, margin, constant(kind), new cv.Scalar(0, 0, 0, 0));
    return toGrid(result);
  });
}

/** `cv2.distanceTransform(mask, cv2.DIST_L2, 5)`. */
export function distanceTransform(mask) {
  return withMatrices((take, make) => {
    const result = make();
    cv.distanceTransform(take(mask), result, cv.DIST_L2, 5);
    return toGrid(result);
  });
}

/** `cv2.distanceTransformWithLabels(mask, cv2.DIST_L2, 5, labelType=…)`: the distances and the labels. */
export function distanceTransformWithLabels(mask, labelType) {
  return withMatrices((take, make) => {
    const [distances, labels] = [make(), make()];
    cv.distanceTransformWithLabels(take(mask), distances, labels, cv.DIST_L2, 5, constant(labelType));
    return [toGrid(distances), toGrid(labels)];
  });
}

/** The threshold that was used, which Otsu's method chooses, and the result. */
export function threshold(grid, level, value, ...kinds) {
  return withMatrices((take, make) => {
    const result = make();
    const kind = kinds.reduce((sum, name) => sum + constant(name), 0);
    return [cv.threshold(take(grid), result, level, value, kind), toGrid(result)];
  });
}

/**
 * Label the connected parts.
 *
 * @returns {{count: number, labels: Grid, stats: {x: number, y: number, w: number, h: number, area: number}[]}} With
 *   the background's as the first.
 */
export function connectedComponentsWithStats(mask, connectivity = 8) {
  return withMatrices((take, make) => {
    const [labels, stats, centroids] = [make(), make(), make()];
    const count = cv.connectedComponentsWithStats(take(mask), labels, stats, centroids, connectivity, cv.CV_32S);
    const table = stats.data32S;
    return {
      count,
      labels: toGrid(labels),
      stats: Array.from({ length: count }, (_, i) => {
        const [x, y, w, h, area] = table.subarray(5 * i, 5 * i + 5);
        return { x, y, w, h, area };
      }),
    };
  });
}

/** Left, top, width and height of what is not 0: all 0 if nothing is. */
export function boundingRect(mask) {
  return withMatrices((take) => {
    const { x, y, width, height } = cv.boundingRect(take(mask));
    return [x, y, width, height];
  });
}

/** The moments m00, m10, m01 and so on of a grey image. */
export function moments(grid) {
  return withMatrices((take) => cv.moments(take(grid), false));
}

/** `cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE, offset=…)`: for each, its points, [x, y]. */
export function findContours(mask, offset = [0, 0]) {
  return withMatrices((take, make, keep) => {
    const contours = keep(new cv.MatVector());
    cv.findContours(take(mask), contours, make(), cv.RETR_EXTERNAL, cv.CHAIN_APPROX_NONE);
    return Array.from({ length: contours.size() }, (_, i) => {
      const values = keep(contours.get(i)).data32S;
      return Array.from({ length: values.length / 2 }, (_, j) => [
        values[2 * j] + offset[0],
        values[2 * j + 1] + offset[1],
      ]);
    });
  });
}

/** The area in a contour of whole or of fractional points, [x, y]. */
export function contourArea(points) {
  return withMatrices((take, make, keep) => cv.contourArea(keep(toPoints(points, cv.CV_32FC2))));
}

/** The rotated rectangle around points: `{center: {x, y}, size: {width, height}, angle}`. */
export function minAreaRect(points) {
  return withMatrices((take, make, keep) => cv.minAreaRect(keep(toPoints(points, cv.CV_32SC2))));
}

/** Fill a convex polygon of whole points, [x, y], in place. */
export function fillConvexPoly(grid, points, value) {
  return withMatrices((take, make, keep) => {
    const image = take(grid);
    cv.fillConvexPoly(image, keep(toPoints(points, cv.CV_32SC2)), new cv.Scalar(value));
    grid.data.set(toGrid(image).data);
    return grid;
  });
}

/** Draw a line, in place. */
export function line(grid, [x1, y1], [x2, y2], value, thickness = 1) {
  return withMatrices((take) => {
    const image = take(grid);
    cv.line(image, new cv.Point(x1, y1), new cv.Point(x2, y2), new cv.Scalar(value), thickness);
    grid.data.set(toGrid(image).data);
    return grid;
  });
}

/** `cv2.filter2D(grid, -1, kernel)`. */
export function filter2D(grid, kernel) {
  return withMatrices((take, make) => {
    const result = make();
    cv.filter2D(take(grid), result, -1, take(kernel));
    return toGrid(result);
  });
}

/** `cv2.Sobel(grid, cv2.CV_32F, dx, dy)`. */
export function Sobel(grid, dx, dy) {
  return withMatrices((take, make) => {
    const result = make();
    cv.Sobel(take(grid), result, cv.CV_32F, dx, dy);
    return toGrid(result);
  });
}

/** Canny's edges of two gradients, int16: `cv2.Canny(dx, dy, low, high, L2gradient=True)`. */
export function Canny(dx, dy, low, high) {
  return withMatrices((take, make) => {
    const result = make();
    cv.Canny1(take(dx), take(dy), result, low, high, true);
    return toGrid(result);
  });
}

/** `cv2.HoughLines(edges, 1, numpy.pi / 180, votes)`: the distance and the angle of each. */
export function HoughLines(edges, votes) {
  return withMatrices((take, make) => {
    const result = make();
    cv.HoughLines(take(edges), result, 1, Math.PI / 180, votes);
    const values = result.data32F;
    return Array.from({ length: values.length / 2 }, (_, i) => [values[2 * i], values[2 * i + 1]]);
  });
}

/** `cv2.HoughLinesP(mask, 1, theta, votes, minLineLength=…, maxLineGap=…)`: the ends of each, x1, y1, x2, y2. */
export function HoughLinesP(mask, theta, votes, minLineLength, maxLineGap) {
  return withMatrices((take, make) => {
    const result = make();
    cv.HoughLinesP(take(mask), result, 1, theta, votes, minLineLength, maxLineGap);
    const values = result.data32S;
    return Array.from({ length: values.length / 4 }, (_, i) => [...values.subarray(4 * i, 4 * i + 4)]);
  });
}

/** Look a grid up at fractional places: `cv2.remap(grid, x, y, INTER_LINEAR, borderMode=BORDER_REPLICATE)`. */
export function remap(grid, x, y) {
  return withMatrices((take, make) => {
    const result = make();
    cv.remap(take(grid), result, take(x), take(y), cv.INTER_LINEAR, cv.BORDER_REPLICATE, new cv.Scalar(0, 0, 0, 0));
    return toGrid(result);
  });
}

/** The homography that takes four points, [x, y], to four others: 3 × 3, float64. */
export function getPerspectiveTransform(from, to) {
  return withMatrices((take, make, keep) =>
    toGrid(keep(cv.getPerspectiveTransform(keep(toPoints(from, cv.CV_32FC2)), keep(toPoints(to, cv.CV_32FC2))))),
  );
}

/** Take points, [x, y], through a homography. */
export function perspectiveTransform(points, homography) {
  return withMatrices((take, make, keep) => {
    const result = make();
    cv.perspectiveTransform(keep(toPoints(points, cv.CV_64FC2)), result, take(homography));
    const values = result.data64F;
    return points.map((_, i) => [values[2 * i], values[2 * i + 1]]);
  });
}

/** Look an image up through a homography from the result to it; `flags` may add WARP_INVERSE_MAP. */
export function warpPerspective(grid, homography, width, height, ...flags) {
  return withMatrices((take, make) => {
    const result = make();
    const kinds = flags.reduce((sum, name) => sum + constant(name), 0);
    const size = new cv.Size(width, height);
    cv.warpPerspective(take(grid), result, take(homography), size, kinds, cv.BORDER_REPLICATE, new cv.Scalar(0, 0, 0, 0));
    return toGrid(result);
  });
}

/** Label the connected parts, the background with 0: `cv2.connectedComponents(mask)[1]`. */
export function connectedComponents(mask) {
  return withMatrices((take, make) => {
    const labels = make();
    cv.connectedComponents(take(mask), labels);
    return toGrid(labels);
  });
}

/** Draw lines, `{from, to, thickness}` with points [x, y], in place: `line` for each, but the grid is copied once. */
export function lines(grid, strips, value) {
  return withMatrices((take) => {
    const image = take(grid);
    for (const { from, to, thickness } of strips) {
      cv.line(image, new cv.Point(...from), new cv.Point(...to), new cv.Scalar(value), thickness);
    }
    grid.data.set(toGrid(image).data);
    return grid;
  });
}

/**
 * `cv2.morphologyEx(grid, cv2.MORPH_CLOSE, numpy.ones((size, size)))` of bytes, for an odd size.
 *
 * OpenCV takes the longer here, the wider it is: for a size of 301, ten times as long as this, which takes the same time
 * for each (van Herk, "A fast algorithm for local minimum and maximum filters on rectangular and octagonal kernels",
 * Pattern Recognition Letters 13 (7), 1992).
 */
export function closing(grid, size) {
  const dilated = widest(grid, size);
  for (let i = 0; i < dilated.size; i++) dilated.data[i] = 255 - dilated.data[i];
  const closed = widest(dilated, size);
  for (let i = 0; i < closed.size; i++) closed.data[i] = 255 - closed.data[i];
  return closed;
}

/* The largest byte in the square around each: what is past the border does not count. */
function widest(grid, size) {
  const padded = grid.pad(size >> 1);
  const { data, height, width } = padded;
  const begins = Uint8Array.from({ length: Math.max(height, width) + 1 }, (_, i) => (i % size === 0 ? 1 : 0));
  const [forward, backward] = [new Uint8Array(data.length), new Uint8Array(data.length)];
  // Maxima along the rows, then down the columns: in each block of so many pixels from its beginning, and to its end.
  for (const step of [1, width]) {
    const end = (step === 1 ? width : height) - 1;
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        forward[i] = begins[step === 1 ? x : y] ? data[i] : Math.max(forward[i - step], data[i]);
      }
    }
    for (let y = height - 1, i = data.length - 1; y >= 0; y--) {
      for (let x = width - 1; x >= 0; x--, i--) {
        const place = step === 1 ? x : y;
        backward[i] = begins[place + 1] || place === end ? data[i] : Math.max(backward[i + step], data[i]);
      }
    }
    // Each square's result stands where its first pixel is.
    const reach = (size - 1) * step;
    for (let i = 0; i + reach < data.length; i++) data[i] = Math.max(backward[i], forward[i + reach]);
  }
  return padded.crop(0, 0, grid.height, grid.width);
}

/**
 * Dilate a mask of 0 and 1: what `dilate` gives, for a kernel whose rows have no gaps.
 *
 * With an ellipse of 41 × 41, OpenCV takes 6 (noise) to 60 times as long (a drawing): this goes by the runs of 1 in
 * each row.
 */
export function dilateMask(mask, kernel) {
  const { data, height, width } = mask;
  const steps = new Int32Array(height * (width + 1)); // by how many runs more cover a pixel than the one before it
  const shifts = [];
  for (let y = 0; y < kernel.height; y++) {
    const [first, last] = [kernel.row(y).indexOf(1), kernel.row(y).lastIndexOf(1)];
    if (first >= 0) shifts.push([(kernel.height >> 1) - y, (kernel.width >> 1) - last, (kernel.width >> 1) - first]);
  }
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!data[y * width + x]) continue;
      const start = x;
      while (x < width && data[y * width + x]) x++;
      for (const [down, before, after] of shifts) {
        const row = y + down;
        const [left, right] = [Math.max(start + before, 0), Math.min(x + after, width)];
        if (row < 0 || row >= height || left >= right) continue;
        steps[row * (width + 1) + left]++;
        steps[row * (width + 1) + right]--;
      }
    }
  }
  const result = Grid.full(height, width);
  for (let y = 0; y < height; y++) {
    for (let x = 0, covers = 0; x < width; x++) {
      covers += steps[y * (width + 1) + x];
      result.data[y * width + x] = covers ? 1 : 0;
    }
  }
  return result;
}

/** Close a mask of 0 and 1: what `morphologyEx` gives, for a kernel that looks the same upside down, as an ellipse. */
export function closeMask(mask, kernel) {
  const invert = (grid) => {
    for (let i = 0; i < grid.size; i++) grid.data[i] ^= 1;
    return grid;
  };
  return invert(dilateMask(invert(dilateMask(mask, kernel)), kernel));
}
