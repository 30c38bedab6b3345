// Runs models with onnxruntime-web in a worker, so that the page can still tell that it is there. It is told one thing at
// a time: {id, do, ...}, and answers {id, result} or {id, problem}; {mark} says which phase of a start is over.
import { preprocess } from "./preprocess.js";

let ort = null;
let setup = null;
let pixels = null;
let inputs = [];
const sessions = new Map();
const turn = new Map();

const sum = (values) => values.reduce((all, one) => all + one, 0);
const bytes = async (path) => {
  const answer = await fetch(new URL(path, import.meta.url));
  if (!answer.ok) throw new Error(`${path} could not be fetched: ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
};

// The smallest step of this worker's clock in ms.
function tick() {
  let least = Infinity;
  const until = performance.now() + 30;
  let last = performance.now();
  while (last < until) {
    const now = performance.now();
    if (now > last) { least = Math.min(least, now - last); last = now; }
  }
  return Math.round(least * 1e6) / 1e6;
}

async function runtime(threads) {
  const wasm = await bytes("ort/ort-wasm-simd-threaded.wasm");
  ort = await import("./ort/ort.wasm.bundle.min.mjs");
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.wasmBinary = wasm.buffer;
  ort.env.logLevel = "error";
}

// onnxruntime-web compiles itself and starts its threads when it is given its first model. This one is none.
async function compile() {
  try { await ort.InferenceSession.create(new Uint8Array(8)); } catch { /* refused, as it must be */ }
}

const create = (model) => ort.InferenceSession.create(model, { executionProviders: ["wasm"], graphOptimizationLevel: "all" });

function tensor(index) {
  const size = setup.side * setup.side * 3;
  const photo = pixels.subarray(index * size, (index + 1) * size);
  return new ort.Tensor("float32", preprocess(photo, setup.side, setup.scale, setup.offset), [1, 3, setup.side, setup.side]);
}

async function photos() {
  if (!pixels) pixels = await bytes("photos");
}

async function load(variant) {
  if (sessions.has(variant)) return;
  if (!ort) { await runtime(setup.threads); await compile(); }
  if (!inputs.length) {
    await photos();
    inputs = Array.from({ length: Math.min(setup.timed, setup.photos) }, (_, i) => tensor(i));
  }
  const session = await create(await bytes(`models/${variant}`));
  sessions.set(variant, session);
  turn.set(variant, -1);
}

async function once(variant) {
  const session = sessions.get(variant);
  turn.set(variant, (turn.get(variant) + 1) % inputs.length);
  const found = await session.run({ [session.inputNames[0]]: inputs[turn.get(variant)] });
  return found[session.outputNames[0]].data;
}

async function timed(variant, together) {
  const start = performance.now();
  for (let i = 0; i < together; i += 1) await once(variant);
  return performance.now() - start;
}

// A block by the rules of snippets/measure/blocks.py. Calls that are short for the clock are timed some at a time.
async function block({ variant, rules }) {
  const first = [];
  while (first.length < Math.max(1, rules.unmeasured) && sum(first) < rules.block_ms) first.push(await timed(variant, 1));
  const warm = Math.max(Math.min(...first), rules.tick_ms);
  const together = Math.max(1, Math.ceil((rules.ticks * rules.tick_ms) / warm));
  const count = Math.min(rules.calls, Math.max(rules.calls_min, Math.floor(rules.block_ms / (warm * together))));
  const taken = [];
  while (taken.length < count && (taken.length < rules.calls_min || sum(taken) < 2 * rules.block_ms)) {
    taken.push(await timed(variant, together));
  }
  return { times_ms: taken.map((time) => Math.round((time / together) * 1e6) / 1e6), together };
}

async function classify({ variant, count }) {
  await load(variant);
  const session = sessions.get(variant);
  const predictions = [];
  for (let i = 0; i < count; i += 1) {
    const logits = (await session.run({ [session.inputNames[0]]: tensor(i) }))[session.outputNames[0]].data;
    let best = 0;
    for (let k = 1; k < logits.length; k += 1) if (logits[k] > logits[best]) best = k;
    predictions.push(best);
    if (i % 10 === 9) postMessage({ progress: (i + 1) / count });
  }
  return { predictions };
}

// A cold start; the page stamps the marks by its own clock.
async function start({ variant, threads }) {
  const wasm = runtime(threads);
  const [model] = await Promise.all([bytes(`models/${variant}`), wasm]);
  postMessage({ mark: "fetch" });
  await compile();
  postMessage({ mark: "runtime" });
  const session = await create(model);
  postMessage({ mark: "model" });
  const side = setup.side;
  await session.run({ [session.inputNames[0]]: new ort.Tensor("float32", new Float32Array(3 * side * side), [1, 3, side, side]) });
  postMessage({ mark: "first_inference" });
  return {};
}

// The same product of two matrices each time, the shortest of three.
function canary() {
  const size = 192, a = new Float32Array(size * size).fill(0.5), c = new Float32Array(size * size);
  let least = Infinity;
  for (let again = 0; again < 3; again += 1) {
    const began = performance.now();
    for (let i = 0; i < size; i += 1) {
      for (let k = 0; k < size; k += 1) {
        const x = a[i * size + k];
        for (let j = 0; j < size; j += 1) c[i * size + j] += x * a[k * size + j];
      }
    }
    least = Math.min(least, performance.now() - began);
  }
  return { canary_ms: least };
}

const can = {
  set: (message) => { setup = message.setup; return {}; },
  tick: () => ({ resolution_ms: tick() }),
  load: async ({ variant }) => { await load(variant); return {}; },
  call: async ({ variant }) => { await load(variant); await once(variant); return {}; },
  block: async (message) => { await load(message.variant); return block(message); },
  classify, start, canary,
};

onmessage = async ({ data }) => {
  try {
    postMessage({ id: data.id, result: await can[data.do](data) });
  } catch (error) {
    postMessage({ id: data.id, problem: String(error?.message ?? error) });
  }
};
