/* The part of numpy that the reader needs: grids of numbers, row by row, and what is computed of lists of them. */

/** A two-dimensional array, as numpy's: `data[y * width + x]`; its kind (`Uint8Array`, `Float32Array` …) is the dtype. */
export class Grid {
  /**
   * @param {Uint8Array|Int32Array|Float32Array|Float64Array} data - The values, row by row; not copied.
   * @param {number} height
   * @param {number} width
   */
  constructor(data, height, width) {
    this.data = data;
    this.height = height;
    this.width = width;
  }

  /** A grid of one value: numpy.full. */
  static full(height, width, value = 0, Kind = Uint8Array) {
    const data = new Kind(height * width);
    return new Grid(value ? data.fill(value) : data, height, width);
  }

  /** How many values there are. */
  get size() {
    return this.data.length;
  }

  at(y, x) {
    return this.data[y * this.width + x];
  }

  copy() {
    return new Grid(this.data.slice(), this.height, this.width);
  }

  /** The same values in another kind; fractions are cut off, as by numpy.astype. */
  as(Kind) {
    return new Grid(Kind.from(this.data), this.height, this.width);
  }

  /** Apply a function, `(value, index) → value`, to each value. */
  map(change, Kind = this.data.constructor) {
    const data = new Kind(this.data.length);
    for (let i = 0; i < data.length; i++) data[i] = change(this.data[i], i);
    return new Grid(data, this.height, this.width);
  }

  /** 1 where a value is what is asked for, 0 elsewhere: a mask. */
  mask(is) {
    return this.map((value, i) => (is(value, i) ? 1 : 0), Uint8Array);
  }

  /** The window `[top : top + height, left : left + width]`, copied. */
  crop(top, left, height, width) {
    const data = new this.data.constructor(height * width);
    for (let y = 0; y < height; y++) {
      const from = (top + y) * this.width + left;
      data.set(this.data.subarray(from, from + width), y * width);
    }
    return new Grid(data, height, width);
  }

  /** Put another grid on this one, in place. */
  paste(grid, top, left) {
    for (let y = 0; y < grid.height; y++) {
      this.data.set(grid.data.subarray(y * grid.width, (y + 1) * grid.width), (top + y) * this.width + left);
    }
    return this;
  }

  /** A margin of 0 on all sides: numpy.pad. */
  pad(margin) {
    const grid = Grid.full(this.height + 2 * margin, this.width + 2 * margin, 0, this.data.constructor);
    return grid.paste(this, margin, margin);
  }

  row(y) {
    return this.data.subarray(y * this.width, (y + 1) * this.width);
  }

  column(x) {
    return this.data.constructor.from({ length: this.height }, (_, y) => this.at(y, x));
  }

  /** Turned by 90° counterclockwise so many times: numpy.rot90. */
  turned(times) {
    const { height: h, width: w } = this;
    const turn = ((times % 4) + 4) % 4;
    if (turn === 0) return this;
    const grid = turn === 2 ? Grid.full(h, w, 0, this.data.constructor) : Grid.full(w, h, 0, this.data.constructor);
    for (let y = 0; y < grid.height; y++) {
      for (let x = 0; x < grid.width; x++) {
        const value = turn === 1 ? this.at(x, w - 1 - y) : turn === 2 ? this.at(h - 1 - y, w - 1 - x) : this.at(h - 1 - x, y);
        grid.data[y * grid.width + x] = value;
      }
    }
    return grid;
  }
}

/** Round as Python and numpy do: halves to the even neighbour. */
export function round(value) {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

export const clip = (value, low, high) => Math.min(Math.max(value, low), high);

export function sum(values) {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i];
  return total;
}

export const mean = (values) => sum(values) / values.length;

/** The largest value; math's own takes no more than some ten thousand at once. */
export function largest(values, otherwise = -Infinity) {
  let best = otherwise;
  for (let i = 0; i < values.length; i++) if (values[i] > best) best = values[i];
  return best;
}

export function smallest(values, otherwise = Infinity) {
  let best = otherwise;
  for (let i = 0; i < values.length; i++) if (values[i] < best) best = values[i];
  return best;
}

/** How many values are not 0. */
export function countNonzero(values) {
  let count = 0;
  for (let i = 0; i < values.length; i++) count += values[i] ? 1 : 0;
  return count;
}

const LOGARITHMS = Float32Array.from({ length: 256 }, (_, shade) => Math.log(shade + 16));

/** The logarithm of shades, bytes, with 16 added: `numpy.log(shades.astype(float32) + 16)`. There are but 256 of them. */
export const logarithm = (shades) => shades.map((shade) => LOGARITHMS[shade], Float32Array);

/** The percentile, between neighbours by a straight line: numpy.percentile. */
export function percentile(values, share) {
  const sorted = Float64Array.from(values).sort();
  const place = ((sorted.length - 1) * share) / 100;
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
}

/** The median; NaN of nothing, as numpy's. */
export function median(values) {
  if (values.length === 0) return NaN;
  const sorted = Float64Array.from(values).sort();
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** The order that sorts values; equal ones stay as they are: numpy.argsort(kind="stable"). */
export function argsort(values) {
  return Array.from(values, (_, i) => i).sort((a, b) => values[a] - values[b] || a - b);
}

/** The first place of the greatest value. */
export function argmax(values) {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

/** Sums from the first value to each: numpy.cumsum. */
export function cumulate(values) {
  const sums = new Float64Array(values.length);
  let total = 0;
  for (let i = 0; i < values.length; i++) sums[i] = total += values[i];
  return sums;
}

/** How often each whole number is there, or the sum of its weights: numpy.bincount. */
export function bincount(values, length = 0, weights = null) {
  const bytes = values instanceof Uint8Array && length >= 256; // then none is larger
  const counts = new Float64Array(bytes ? length : Math.max(length, largest(values, -1) + 1));
  if (weights) for (let i = 0; i < values.length; i++) counts[values[i]] += weights[i];
  else for (let i = 0; i < values.length; i++) counts[values[i]]++;
  return counts;
}

/** Evenly spaced numbers from start to end, both included: numpy.linspace. */
export function linspace(start, end, count) {
  const step = (end - start) / (count - 1);
  return Array.from({ length: count }, (_, i) => (i === count - 1 ? end : start + i * step));
}

/** The first place at which sorted values are greater than one ("right"), or not smaller ("left"): numpy.searchsorted. */
export function searchsorted(sorted, value, side = "left") {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (side === "right" ? sorted[middle] <= value : sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Solve linear equations, for each column of the right side: numpy.linalg.solve. */
export function solve(matrix, right) {
  const n = matrix.height;
  const rows = Array.from({ length: n }, (_, y) => [...matrix.row(y), ...right.row(y)]);
  for (let i = 0; i < n; i++) {
    const pivot = i + argmax(rows.slice(i).map((row) => Math.abs(row[i])));
    [rows[i], rows[pivot]] = [rows[pivot], rows[i]];
    for (let y = i + 1; y < n; y++) {
      const factor = rows[y][i] / rows[i][i];
      for (let x = i; x < rows[y].length; x++) rows[y][x] -= factor * rows[i][x];
    }
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let x = n; x < rows[i].length; x++) {
      for (let y = i + 1; y < n; y++) rows[i][x] -= rows[i][y] * rows[y][x];
      rows[i][x] /= rows[i][i];
    }
  }
  return new Grid(Float64Array.from(rows.flatMap((row) => row.slice(n))), n, right.width);
}

/** The sum of float32 as numpy computes it: rounded at each step, and in its order, by halves and in eights. */
export function sum32(values, start = 0, count = values.length) {
  if (count > 128) {
    const half = (count >> 1) - ((count >> 1) % 8);
    return Math.fround(sum32(values, start, half) + sum32(values, start + half, count - half));
  }
  let total = 0;
  let i = 0;
  if (count >= 8) {
    const eights = new Float32Array(values.subarray(start, start + 8));
    for (i = 8; i + 8 <= count; i += 8) for (let j = 0; j < 8; j++) eights[j] += values[start + i + j];
    const [a, b, c, d, e, f, g, h] = eights;
    const halves = [Math.fround(a + b) + Math.fround(c + d), Math.fround(e + f) + Math.fround(g + h)];
    total = Math.fround(Math.fround(halves[0]) + Math.fround(halves[1]));
  }
  for (; i < count; i++) total = Math.fround(total + values[start + i]);
  return total;
}

/** The mean of a Float32Array as numpy computes it; NaN of nothing. */
export const mean32 = (values) => Math.fround(sum32(values) / values.length);

/** The first place of the least value. */
export function argmin(values) {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] < values[best]) best = i;
  return best;
}

/** Bring that value to a place which sorting would bring there, and give it; none before it is greater. */
export function select(values, place) {
  let [low, high] = [0, values.length - 1];
  while (low < high) {
    const pivot = values[(low + high) >> 1];
    let [left, right] = [low, high];
    while (left <= right) {
      while (values[left] < pivot) left++;
      while (values[right] > pivot) right--;
      if (left > right) break;
      const value = values[left];
      values[left++] = values[right];
      values[right--] = value;
    }
    if (place <= right) high = right;
    else if (place >= left) low = left;
    else break;
  }
  return values[place];
}

/** The percentile of a Float32Array, rounded at each step as numpy does; the values are put into another order. */
export function percentile32(values, share) {
  const place = (values.length - 1) * (share / 100);
  const below = Math.floor(place);
  const rest = place - below;
  const high = select(values, Math.min(below + 1, values.length - 1));
  const low = select(values, below);
  const step = Math.fround(high - low);
  if (rest < 0.5) return Math.fround(low + Math.fround(step * Math.fround(rest)));
  return Math.fround(high - Math.fround(step * Math.fround(1 - rest)));
}

/** The median of a Float32Array, which puts its values into another order; NaN of nothing. */
export function median32(values) {
  if (values.length === 0) return NaN;
  const half = values.length >> 1;
  const middle = select(values, half);
  return values.length % 2 ? middle : Math.fround((select(values, half - 1) + middle) / 2);
}

/** Where values are above a level, which is rounded first if they are float32, as in numpy: a mask. */
export function above(grid, level) {
  const mask = Grid.full(grid.height, grid.width);
  const low = grid.data instanceof Float32Array ? Math.fround(level) : level;
  const [from, to] = [grid.data, mask.data];
  for (let i = 0; i < to.length; i++) to[i] = from[i] > low ? 1 : 0;
  return mask;
}

/** Where both masks are. */
export function both(mask, other) {
  const result = Grid.full(mask.height, mask.width);
  const [one, two, to] = [mask.data, other.data, result.data];
  for (let i = 0; i < to.length; i++) to[i] = one[i] & two[i];
  return result;
}

/** Where a mask is not. */
export function not(mask) {
  const result = Grid.full(mask.height, mask.width);
  const [from, to] = [mask.data, result.data];
  for (let i = 0; i < to.length; i++) to[i] = 1 - from[i];
  return result;
}

/** Where the labels are of which the table says so: `wanted[labels]`, a mask. */
export function choose(labels, wanted) {
  const table = Uint8Array.from(wanted);
  const mask = Grid.full(labels.height, labels.width);
  const [from, to] = [labels.data, mask.data];
  for (let i = 0; i < to.length; i++) to[i] = table[from[i]];
  return mask;
}

/** The values where a mask is: `values[mask]`. */
export function pick(values, mask) {
  const picked = new values.constructor(countNonzero(mask));
  for (let i = 0, j = 0; i < values.length; i++) if (mask[i]) picked[j++] = values[i];
  return picked;
}

/**
 * Solve linear equations by least squares, and of several solutions take the smallest: numpy.linalg.lstsq.
 *
 * @param {number[][]} rows - What is multiplied with the solution.
 * @param {number[]|Float64Array} right - What it should give, for each row.
 * @returns {number[]}
 */
export function lstsq(rows, right) {
  // Singular values, by turning pairs of columns until all are at right angles: Hestenes, 1958.
  const n = rows[0].length;
  const columns = Array.from({ length: n }, (_, x) => Float64Array.from(rows, (row) => row[x]));
  const basis = Array.from({ length: n }, (_, x) => Float64Array.from({ length: n }, (_, y) => (x === y ? 1 : 0)));
  const dot = (a, b) => a.reduce((total, value, i) => total + value * b[i], 0);
  const turn = (a, b, cosine, sine) => {
    for (let i = 0; i < a.length; i++) [a[i], b[i]] = [cosine * a[i] - sine * b[i], sine * a[i] + cosine * b[i]];
  };
  for (let turned = true, sweeps = 0; turned && sweeps < 60; sweeps++) {
    turned = false;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        const [a, b, c] = [dot(columns[p], columns[p]), dot(columns[q], columns[q]), dot(columns[p], columns[q])];
        if (Math.abs(c) <= 1e-16 * Math.sqrt(a * b)) continue;
        turned = true;
        const zeta = (b - a) / (2 * c);
        const tangent = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
        const cosine = 1 / Math.hypot(1, tangent);
        turn(columns[p], columns[q], cosine, cosine * tangent);
        turn(basis[p], basis[q], cosine, cosine * tangent);
      }
    }
  }
  const squares = columns.map((column) => dot(column, column));
  const least = (2 ** -52 * Math.max(rows.length, n)) ** 2 * largest(squares);
  const solution = Array(n).fill(0);
  for (let x = 0; x < n; x++) {
    if (squares[x] <= least) continue;
    const share = dot(columns[x], right) / squares[x];
    for (let y = 0; y < n; y++) solution[y] += share * basis[x][y];
  }
  return solution;
}
