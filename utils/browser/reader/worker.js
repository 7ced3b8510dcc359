/* The reader at work, beside the page. A classic worker: LiteRT.js loads its own part with `importScripts`. */

let asked = false; // whether anybody has asked for anything
const reader = start();

reader.catch((error) =>
  postMessage({ failure: `The reader did not start (${error.message ?? error}): load the page once more.` }),
);

async function start() {
  const { load } = await import("./load.js");
  const { tasks, ...loaded } = await load((share) => postMessage({ share }));
  postMessage({ ready: loaded });
  await warmUp(tasks.read).catch(() => {}); // what is drawn will be read all the same, or say why not
  return tasks;
}

/* Read a drawing that nobody made, while somebody begins to draw: a browser compiles what has run a few times, and the
first drawing need not wait for that. If one waits already, that is read instead. */
async function warmUp(read) {
  const image = new ImageData(840, 560);
  const pixels = new Uint32Array(image.data.buffer).fill(0xffffffff);
  for (let y = 140; y < 420; y++) pixels.fill(0xff000000, y * image.width + 410, y * image.width + 430);
  for (let time = 0; time < 2; time++) {
    await new Promise((resolve) => setTimeout(resolve)); // lets come in what was asked
    if (asked) return;
    await read({ image, name: "drawing.png" });
  }
}

self.onmessage = async ({ data: { number, task, given } }) => {
  asked = true;
  try {
    postMessage({ number, answer: await (await reader)[task](given) });
  } catch (error) {
    const { DigitsError } = await import("./errors.js");
    const known = error instanceof DigitsError;
    if (!known) console.error(error);
    const problem = known ? error.message : "The reader failed at this image: try another one.";
    postMessage({ number, problem, broken: !known });
  }
};
