// The tab that measures: it introduces its browser, does what the run asks for, one thing after the other, and shows it.
const here = new URL("./", location.href);
const setup = await (await fetch(new URL("setup", here))).json();
const $ = (id) => document.getElementById(id);
const workers = new Map();
const shown = new Map();
let session = "";
let done = 0;
let opened = performance.now();

// The smallest module that uses SIMD; browsers without it find it invalid (github.com/GoogleChromeLabs/wasm-feature-detect).
const SIMD = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11]);

function problem(words) {
  $("problem").replaceChildren();
  if (words) {
    const told = document.createElement("p");
    told.className = "told";
    told.textContent = words;
    $("problem").append(told);
  }
}

const now = (words) => { $("now").textContent = words; };
const pause = (ms) => new Promise((go) => setTimeout(go, ms));

function worker(threads) {
  const made = { worker: new Worker(new URL("worker.js", here), { type: "module" }), open: new Map(), last: 0, marks: {} };
  made.worker.onmessage = ({ data }) => {
    if (data.mark) made.marks[data.mark] = performance.now();
    else if (data.progress) $("bar").value = data.progress;
    else {
      const { good, bad } = made.open.get(data.id) ?? {};
      made.open.delete(data.id);
      if (data.problem) bad?.(new Error(data.problem)); else good?.(data.result);
    }
  };
  made.worker.onerror = (event) => {
    for (const { bad } of made.open.values()) bad(new Error(event.message || "the worker could not be started"));
    made.open.clear();
  };
  made.ask = (message) => new Promise((good, bad) => {
    made.last += 1;
    made.open.set(made.last, { good, bad });
    made.worker.postMessage({ ...message, id: made.last });
  });
  made.ask({ do: "set", setup: { ...setup, threads } });
  return made;
}

function withThreads(threads) {
  if (!workers.has(threads)) workers.set(threads, worker(threads));
  return workers.get(threads);
}

async function start({ variant, threads }) {
  const began = performance.now();
  const fresh = worker(threads);
  try {
    await fresh.ask({ do: "start", variant, threads });
    const answer = {};
    let before = began;
    for (const phase of ["fetch", "runtime", "model", "first_inference"]) {
      answer[`${phase}_ms`] = fresh.marks[phase] - before;
      before = fresh.marks[phase];
    }
    answer.answered_ms = before - began;
    return answer;
  } finally {
    fresh.worker.terminate();
  }
}

// Browsers slow down what nobody looks at: nothing is timed before the page is in front, nor while it leaves.
async function inFront(measure) {
  for (;;) {
    while (document.hidden) {
      now("Waiting: bring this page to the front, and it goes on.");
      await pause(200);
    }
    let left = false;
    const watch = () => { left ||= document.hidden; };
    document.addEventListener("visibilitychange", watch);
    const answer = await measure();
    document.removeEventListener("visibilitychange", watch);
    if (!left) return answer;
  }
}

const WORDS = {
  start: (c) => `Starting ${c.variant} from nothing, with ${c.threads} thread${c.threads > 1 ? "s" : ""}`,
  load: (c) => `Loading ${c.variant}`, call: (c) => `Warming up ${c.variant}`, block: (c) => `Timing ${c.variant}`,
  classify: (c) => `Classifying ${c.count} photos with ${c.variant}`, canary: () => "Looking how fast this device is just now",
};

async function obey(command) {
  now(`${WORDS[command.do]?.(command) ?? command.do} …`);
  const ask = () => withThreads(command.threads ?? 1).ask(command);
  if (command.do === "start") return inFront(() => start(command));
  if (command.do === "block" || command.do === "canary") return inFront(ask);
  if (command.do in WORDS) return ask();
  throw new Error(`this page does not know ${command.do}: reload it`);
}

const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b), half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
};

function show(command, result) {
  done += 1;
  const key = `${command.variant} ${command.threads}`;
  if (["start", "block", "classify"].includes(command.do)) {
    const row = shown.get(key) ?? { variant: command.variant, threads: command.threads, firsts: [], times: [], photos: 0 };
    if (command.do === "start") row.firsts.push(result.answered_ms);
    if (command.do === "block") row.times.push(...result.times_ms);
    if (command.do === "classify") row.photos = result.predictions.length;
    shown.set(key, row);
    if (!$("first").textContent) {
      const seconds = (performance.now() - opened) / 1000;
      $("first").textContent = `The first number came ${seconds.toFixed(1)} s after this page was opened.`;
    }
  }
  $("times").hidden = !shown.size;
  $("rows").replaceChildren(...[...shown.values()].map((row) => {
    const line = document.createElement("tr");
    const name = document.createElement("th");
    name.scope = "row";
    name.textContent = row.variant;
    line.append(name);
    const told = (values) => values.length ? median(values).toFixed(median(values) < 100 ? 1 : 0) : "–";
    for (const text of [row.threads, told(row.firsts), told(row.times), row.photos || "–"]) {
      const cell = document.createElement("td");
      cell.className = "n";
      cell.textContent = text;
      line.append(cell);
    }
    return line;
  }));
  // How many commands a run takes is not known to the last one: the bar nears its end and reaches it when all is done.
  $("bar").value = 1 - Math.exp(-done / (setup.commands / 2));
}

async function post(path, value) {
  return fetch(new URL(`${path}?${session}`, here), { method: "POST", body: JSON.stringify(value) });
}

// What was measured is not lost over a moment without network.
async function send(answer) {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    try {
      const got = await post("answer", answer);
      if (got.ok || got.status === 410) return;
      problem((await got.json()).problem);
    } catch { problem("The machine that records is not reached. Trying again …"); }
    await pause(1000);
  }
  throw new Error("The machine that records could not be reached. Look whether its command still runs, then reload this page.");
}

function tell(facts) {
  const rows = [
    ["browser", facts.user_agent], ["cores", facts.cores],
    ["threads for a model", facts.isolated ? Math.min(setup.most_threads, facts.cores)
      : `1: only a page that is cross-origin isolated, over HTTPS or on this machine itself, gets shared memory`],
    ["clock", `tells ${facts.resolution_ms} ms apart`],
    ["WebAssembly SIMD", facts.simd ? "yes" : "no"],
    ["WebGPU", facts.webgpu ? `offered by this browser, not measured: ${setup.no_webgpu}` : "not offered by this browser here"],
    ["onnxruntime-web", facts.version],
  ];
  $("facts").replaceChildren(...rows.flatMap(([name, value]) => {
    const term = document.createElement("dt"), told = document.createElement("dd");
    term.textContent = name;
    told.textContent = value;
    return [term, told];
  }));
}

async function webgpu() {
  try { return Boolean(await navigator.gpu?.requestAdapter()); } catch { return false; }
}

async function main() {
  const simd = typeof WebAssembly === "object" && WebAssembly.validate(SIMD);
  const clock = worker(1);
  const { resolution_ms } = await clock.ask({ do: "tick" });
  clock.worker.terminate();
  const facts = {
    user_agent: navigator.userAgent, platform: navigator.userAgentData?.platform ?? navigator.platform ?? "",
    version: setup.version, cores: navigator.hardwareConcurrency ?? 1, isolated: Boolean(self.crossOriginIsolated),
    secure: Boolean(self.isSecureContext), simd, webgpu: await webgpu(), resolution_ms,
  };
  tell(facts);
  const met = await fetch(new URL("hello", here), { method: "POST", body: JSON.stringify(facts) });
  const greeting = await met.json();
  if (!met.ok) throw new Error(greeting.problem);
  session = greeting.session;
  setInterval(() => { post("beat", {}).catch(() => {}); }, 2000);
  addEventListener("pagehide", () => { navigator.sendBeacon(new URL(`bye?${session}`, here), "{}"); });
  // A phone's screen stays on where the browser allows it.
  navigator.wakeLock?.request("screen").catch(() => {});
  now("Ready: the run begins …");
  let lost = 0;
  for (;;) {
    let command;
    try {
      const got = await fetch(new URL(`next?${session}`, here));
      command = await got.json();
      if (got.status === 410) throw Object.assign(new Error(command.problem), { over: true });
      problem("");
      lost = 0;
    } catch (error) {
      lost += 1;
      if (error.over || lost > 15) throw error.over ? error : new Error("The machine that records is not reached any more. What was measured is kept there: run its command again, and open the page that it names.");
      problem("The machine that records is not reached. Trying again …");
      await pause(1000);
      continue;
    }
    if (command.do === "wait") continue;
    if (command.do === "end") { $("bar").value = 1; now(command.words); return; }
    try {
      const result = await obey(command);
      await send({ number: command.number, result });
      show(command, result);
    } catch (error) {
      await send({ number: command.number, problem: error.message });
    }
  }
}

main().catch((error) => { now("Stopped."); problem(error.message); });
