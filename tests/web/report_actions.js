// SPDX-License-Identifier: Apache-2.0
// What a reader does on the report's page, for report.sh, which puts this behind the page's own
// scripts. Each outcome becomes an attribute data-did-NAME of <html>, "yes" or what was seen instead.
"use strict";

window.addEventListener("load", () => {
  const state = document.documentElement.dataset;
  const outcome = (name, holds, seen) => {
    state[`did${name}`] = holds ? "yes" : `no: ${seen}`;
  };
  const table = [...document.querySelectorAll("section")].find((section) =>
    section.querySelector("h2")?.textContent === "Objects");
  const button = (name) => [...table.querySelectorAll("th button")].find((one) =>
    one.textContent.startsWith(name));
  const column = (index) => [...table.querySelectorAll("tbody tr")].map((row) =>
    row.children[index].textContent);
  const canvas = document.querySelector(".heat canvas");
  const tip = document.querySelector(".tip");

  const colours = () => {
    // Of a copy: reading the page's own canvas time and again earns a warning on the console.
    const copy = document.createElement("canvas");
    copy.width = canvas.width;
    copy.height = canvas.height;
    const context = copy.getContext("2d", { willReadFrequently: true });
    context.drawImage(canvas, 0, 0);
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
    const seen = new Set();
    for (let i = 0; i < pixels.length; i += 4) {
      seen.add((pixels[i] << 16) | (pixels[i + 1] << 8) | pixels[i + 2]);
    }
    return seen.size;
  };
  outcome("Paint", colours() > 50, `${colours()} colours on the canvas`);

  button("object").click();
  const up = column(0);
  outcome("SortByName", up.join() === [...up].sort((a, b) => a.localeCompare(b)).join(), up.join());
  button("object").click();
  outcome("SortDown", column(0).join() === [...up].reverse().join(), column(0).join());
  button("heat").click();
  outcome("SortByHeat", column(0)[0] === "weights.gguf", column(0)[0]);

  button("written").click();
  const written = column([...table.querySelectorAll("th")].findIndex((one) =>
    one.textContent.startsWith("written")));
  // Only the KV cache is written to; the expert behind the link says nothing of its writes.
  outcome("Written", /^[1-9].* MB\/s$/.test(written[0]) && written.at(-1) === "unknown",
    `${written[0]}, ${written.at(-1)}`);

  const sources = [...document.querySelectorAll("section")].find((section) =>
    section.querySelector("h2")?.textContent === "Where heat comes from");
  const told = [...sources.querySelectorAll("tbody tr")].map((row) => row.textContent).join("; ");
  outcome("Sources", /present-bits.*90 %/.test(told) && /0\.9 %/.test(told) &&
    told.includes("memory samples: no event"), told);

  const filter = table.querySelector("input");
  filter.value = "expert-3.gguf";
  filter.dispatchEvent(new Event("input"));
  outcome("Filter", column(0).join() === "expert-3.gguf", column(0).join());
  filter.value = "no such object";
  filter.dispatchEvent(new Event("input"));
  outcome("FilterNothing", column(0).length === 0, column(0).join());

  const box = canvas.getBoundingClientRect();
  const at = (x, y, type) => canvas.dispatchEvent(new MouseEvent(type,
    { clientX: box.left + x, clientY: box.top + y, bubbles: true }));
  at(box.width / 2, 60, "mousemove");
  outcome("Hover", !tip.hidden && /weights\.gguf[^]*\d.*B\/s/.test(tip.textContent), tip.textContent);
  at(0, 0, "mouseleave");
  outcome("Leave", tip.hidden, "the tooltip stays");
  const key = (name) => canvas.dispatchEvent(new KeyboardEvent("keydown", { key: name }));
  key("ArrowDown");
  const first = tip.textContent;
  key("End");
  outcome("Keys", !tip.hidden && first !== "" && first !== tip.textContent, tip.textContent);
  key("Escape");

  const ground = () => getComputedStyle(document.body).backgroundColor;
  const before = [state.theme, ground()];
  document.querySelector(".toggle").click();
  outcome("Toggle", state.theme !== before[0] && ground() !== before[1], state.theme);
  outcome("PaintAgain", colours() > 50, `${colours()} colours after the change of theme`);
  // Chromium counts it from the start of the navigation, script and layout included.
  state.openMs = Math.round(performance.now());
});
