"use strict";

const SHOWN = 5;
const LIMIT_BYTES = 10_000_000;
const byId = (id) => document.getElementById(id);
const [form, drop, photo, preview, hint, services, send, status, ranking, timing] =
  ["form", "drop", "photo", "preview", "hint", "services", "send", "status", "ranking", "timing"].map(byId);
let chosen = null;
let busy = false;

function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function show(...nodes) {
  status.replaceChildren(...nodes);
}

function clearResult() {
  ranking.replaceChildren();
  timing.textContent = "";
}

function problem(text) {
  clearResult();
  show(element("p", "problem", text));
}

function selectedService() {
  return form.querySelector("input[name=service]:checked")?.value;
}

function updateButton() {
  // While it is busy the button only looks disabled: one that is takes the keyboard's focus away.
  send.disabled = !chosen || !selectedService();
  send.setAttribute("aria-disabled", send.disabled || busy);
  send.textContent = busy ? "Classifying…" : "Classify";
}

// A service keeps its own choice for as long as the page is open: what has the keyboard's focus is never replaced.
const choices = new Map();

function choiceOf(name) {
  if (!choices.has(name)) {
    const [label, radio, text] = [element("label"), element("input"), element("span")];
    Object.assign(radio, { type: "radio", name: "service", value: name });
    label.append(radio, text);
    choices.set(name, { label, radio, text });
  }
  return choices.get(name);
}

function showServices(list) {
  if (!choices.size) services.replaceChildren(...list.map((item) => choiceOf(item.name).label));
  const wanted = selectedService();
  const kept = list.find((item) => item.ready && item.name === wanted) ?? list.find((item) => item.ready);
  for (const item of list) {
    const { label, radio, text } = choiceOf(item.name);
    label.className = item.ready ? "" : "off";
    text.textContent = item.ready ? item.name : `${item.name} (not ready)`;
    radio.checked = item === kept;
    if (!item.ready && radio === document.activeElement && kept) choiceOf(kept.name).radio.focus();
    radio.disabled = !item.ready;
  }
}

async function loadServices() {
  try {
    const answer = await fetch("services");
    if (!answer.ok) throw new Error(answer.statusText);
    const list = await answer.json();
    showServices(list);
    if (list.some((item) => !item.ready)) setTimeout(loadServices, 3000);
  } catch {
    services.textContent = "The page's own server does not answer. Reload the page.";
  }
  updateButton();
}

function choose(file) {
  if (!file) return;
  chosen = null;
  clearResult();
  if (file.size > LIMIT_BYTES) {
    problem(`This file has ${(file.size / 1e6).toFixed(0)} MB; 10 MB are allowed. Choose a smaller photo.`);
  } else {
    chosen = file;
    URL.revokeObjectURL(preview.src);
    preview.src = URL.createObjectURL(file);
    preview.alt = `The chosen photo, ${file.name}`;
    preview.hidden = false;
    hint.hidden = true;
    drop.classList.add("filled");
    show(element("p", "quiet", "Ready to classify."));
  }
  updateButton();
}

function showAnswer(answer) {
  const [best] = answer.ranking;
  const percent = (value) => (value * 100).toFixed(1) + " %";
  show(element("p", "answer", best.name), element("p", "quiet", `with a probability of ${percent(best.probability)}`));
  ranking.replaceChildren(...answer.ranking.slice(0, SHOWN).map((guess) => {
    const row = element("li");
    const track = element("span", "track");
    const bar = element("div", "bar");
    bar.style.width = `${Math.max(guess.probability * 100, 0.5)}%`;
    track.append(bar);
    track.setAttribute("aria-hidden", "true");
    row.append(element("span", "", guess.name), track, element("span", "percent", percent(guess.probability)));
    return row;
  }));
  timing.textContent = `Answered by ${answer.service} in ${answer.milliseconds.toFixed(0)} ms.`;
}

async function classify() {
  busy = true;
  updateButton();
  clearResult();
  show(element("p", "quiet", "Asking the model…"));
  try {
    const answer = await fetch("classify?service=" + encodeURIComponent(selectedService()), {
      method: "POST",
      headers: { "content-type": chosen.type || "application/octet-stream" },
      body: chosen,
    });
    const body = await answer.json().catch(() => ({}));
    if (answer.ok) showAnswer(body);
    else problem(body.detail ?? `The service answered with status ${answer.status}.`);
  } catch {
    problem("The page's own server does not answer. Is it still running?");
  }
  busy = false;
  updateButton();
}

photo.addEventListener("change", () => choose(photo.files[0]));
services.addEventListener("change", updateButton);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!send.disabled && !busy) classify();
});
for (const name of ["dragover", "dragleave", "drop"]) {
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", name === "dragover");
    if (name === "drop") choose(event.dataTransfer.files[0]);
  });
}
preview.addEventListener("error", () => problem("The browser cannot show this file as a picture; the model may not either."));
loadServices();
