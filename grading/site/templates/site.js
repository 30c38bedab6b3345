"use strict";
// Sliders over recorded values, and two sums of the guide. Plain JavaScript: no library, no request.
// Every number shown by a slider is in the page as it was recorded; nothing is interpolated.

const SVG = "http://www.w3.org/2000/svg";

function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function draw(name, attributes, text = "") {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  return element;
}

// Three significant digits, as the kit's tables have them.
function digits(x) {
  return x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x.toFixed(2);
}

// The nearest rank: the place, from 1, of the smallest sample that at least percent % of n samples do not exceed.
function rank(percent, n) {
  return Math.max(1, Math.ceil((percent / 100) * n - 1e-9));
}

// All samples in ascending order: how many per cent of them are at most so many ms.
function curve(ms, width) {
  const height = 190, left = 50, bottom = 28;
  const most = ms[ms.length - 1] * 1.02 || 1;
  const x = (value) => left + (value / most) * (width - left - 12);
  const y = (share) => (height - bottom) * (1 - share) + 8 * share;
  let path = `M ${x(0)} ${y(0)}`;
  ms.forEach((value, at) => { path += ` L ${x(value)} ${y(at / ms.length)} L ${x(value)} ${y((at + 1) / ms.length)}`; });
  const picture = draw("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": "Share of the samples that are at most so many milliseconds" });
  picture.append(
    draw("line", { x1: left, y1: y(0), x2: width, y2: y(0), class: "axis" }),
    draw("path", { d: path, class: "curve" }),
    draw("text", { x: 0, y: y(1) + 10 }, "100 %"), draw("text", { x: 16, y: y(0) }, "0 %"),
    draw("text", { x: left, y: height - 6 }, "0 ms"),
    draw("text", { x: width - 12, y: height - 6, "text-anchor": "end" }, `${digits(most)} ms`));
  const here = draw("circle", { r: 6, class: "here" });
  picture.append(here);
  return { picture, move: (at) => { here.setAttribute("cx", x(ms[at - 1])); here.setAttribute("cy", y(at / ms.length)); } };
}

function percentile(box, data) {
  const choose = make("select", { name: "step" }, ...data.steps.map((step, at) => make("option", { value: at }, step.name)));
  const slide = make("input", { type: "range", name: "percent", min: 1, max: 100, step: 1, value: 95 });
  const value = make("output", { name: "value" });
  const about = make("span", { class: "quiet" });
  const told = make("p", { class: "quiet" });
  const place = make("div");
  let chart;
  function move() {
    const step = data.steps[choose.value], at = rank(Number(slide.value), step.ms.length);
    value.textContent = `p${slide.value}: ${digits(step.ms[at - 1])} ms`;
    about.textContent = ` sample ${at} of ${step.ms.length}, in ascending order`;
    slide.setAttribute("aria-valuetext", value.textContent);
    chart.move(at);
  }
  function pick() {
    const step = data.steps[choose.value];
    chart = curve(step.ms, Math.max(280, place.clientWidth));
    place.replaceChildren(chart.picture);
    const estimates = Object.entries(step.told).map(([percent, text]) => `p${percent} ${text}`);
    told.textContent = estimates.length ? `The kit's own estimates (ms): ${estimates.join("; ")}.`
      : "No estimates: these samples were taken without a pause and resemble their neighbours, so an interval would promise too much.";
    move();
  }
  box.append(make("label", {}, "Recorded step ", choose), make("label", {}, "Percentile", slide), make("p", {}, value, about), place, told);
  choose.addEventListener("input", pick);
  slide.addEventListener("input", move);
  pick();
}

function load(box, data) {
  const slide = make("input", { type: "range", name: "load", min: 0, max: data.values.length - 1, step: 1, value: 0 });
  const value = make("output", { name: "value" });
  const rows = make("tbody");
  const head = ["service", "answers/s", "p50 (ms)", "p95 (ms)", "failures"];
  const table = make("table", {}, make("thead", {}, make("tr", {}, ...head.map((name) => make("th", { scope: "col" }, name)))), rows);
  function move() {
    const at = Number(slide.value);
    value.textContent = data.values[at] === 1 ? `1 ${data.unit.replace(/^clients/, "client")}` : `${data.values[at]} ${data.unit}`;
    slide.setAttribute("aria-valuetext", value.textContent);
    rows.replaceChildren(...data.rows[at].map((row) => make("tr", {},
      ...[row.service, row.rate, row.p50, row.p95, row.failures].map((text) => make("td", {}, String(text))))));
  }
  box.append(make("label", {}, `Measured at ${data.values.length} loads`, slide), make("p", {}, value),
    make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Services at this load" }, table));
  slide.addEventListener("input", move);
  move();
}

function reckon(box) {
  const number = (name) => Math.max(0, Number(box.querySelector(`[name=${name}]`).value) || 0);
  box.addEventListener("input", () => {
    box.querySelector("[name=nodes]").textContent = (number("students") * Number(box.dataset.nodeHours)).toFixed(1);
    box.querySelector("[name=hours]").textContent = (number("students") * Number(box.dataset.explanations) * number("minutes") / 60).toFixed(1);
  });
}

for (const box of document.querySelectorAll(".slider")) {
  const data = JSON.parse(box.querySelector("script").textContent);
  ({ percentile, load })[box.dataset.kind](box.querySelector(".controls"), data);
}
document.querySelectorAll(".reckon").forEach(reckon);
