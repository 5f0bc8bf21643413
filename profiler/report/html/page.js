// SPDX-License-Identifier: Apache-2.0
// What every page of Terrace is built from: facts, charts, tables. A page's own script calls
// terracePage(build) with a function from (data, page) to nothing.
// For tests, <html> carries data-charts-expected, data-charts-drawn and data-errors.
"use strict";

// Okabe and Ito's colours, which remain apart for colour-blind readers, in an order that starts
// with the most distant ones; line patterns and symbols tell series apart without any colour.
const terracePalette = {
  light: ["#0072b2", "#d55e00", "#009e73", "#9e4f7f", "#8a6d00", "#3d8fc4", "#5b5b5b", "#000000"],
  dark: ["#56b4e9", "#e69f00", "#2ec4a0", "#e08fc0", "#f0e442", "#f47a3c", "#b8b8b8", "#ffffff"],
};
const terracePatterns = ["solid", "dashed", "dotted", [12, 4, 2, 4], [2, 6], [16, 6]];
const terraceSymbols = ["circle", "rect", "triangle", "diamond", "pin", "arrow"];

const terraceNumber = (value, digits = 3) => {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const text = Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en")
                                       : Number(value.toPrecision(digits)).toString();
  return text.replaceAll(",", "\u202f");
};
const terraceBytes = (value) => {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (value >= 1000 && unit + 1 < units.length) { value /= 1000; ++unit; }
  return `${terraceNumber(value)} ${units[unit]}`;
};
const terraceTokens = (value) => {
  if (value >= 1048576 && value % 1048576 === 0) return `${value / 1048576}M`;
  return value >= 1024 && value % 1024 === 0 ? `${value / 1024}k` : terraceNumber(value);
};

// To three digits: "125k", "3.28M".
const terraceShort = (value) => {
  if (value >= 1048576) return `${terraceNumber(value / 1048576)}M`;
  return value >= 1024 ? `${terraceNumber(value / 1024)}k` : terraceNumber(value);
};

class TerracePage {
  constructor(root) {
    this.root = root;
    this.charts = [];
    this.views = [];
    const scheme = window.matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", () => this.setTheme(scheme.matches ? "dark" : "light"));
    document.documentElement.dataset.theme = scheme.matches ? "dark" : "light";
    window.addEventListener("resize", () => this.charts.forEach((c) => c.chart?.resize()));
  }

  element(tag, parent, text, className) {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    (parent || this.root).appendChild(made);
    return made;
  }

  setTheme(theme) {
    document.documentElement.dataset.theme = theme;
    this.toggle.textContent = theme === "dark" ? "\u2600 light" : "\u263e dark";
    this.draw();
  }

  heading(title, lead) {
    this.toggle = this.element("button", null, "", "toggle");
    this.toggle.type = "button";
    this.toggle.title = "switch between light and dark";
    this.toggle.addEventListener("click", () => this.setTheme(this.isDark() ? "light" : "dark"));
    this.toggle.textContent = this.isDark() ? "\u2600 light" : "\u263e dark";
    this.element("h1", null, title);
    this.element("p", null, lead, "lead");
  }

  // What a reader has to know before he believes the figures below it.
  warning(text) {
    const box = this.element("p", null, undefined, "warning");
    box.setAttribute("role", "alert");
    this.element("b", box, "\u26a0 Warning: ");
    this.element("span", box, text);
  }

  facts(list) {
    const grid = this.element("div", null, undefined, "facts");
    for (const [value, meaning] of list) {
      const fact = this.element("div", grid, undefined, "fact");
      this.element("b", fact, value);
      this.element("span", fact, meaning);
    }
  }

  section(title, note, parent) {
    const section = this.element("section", parent);
    this.element("h2", section, title);
    if (note) this.element("p", section, note, "note");
    return section;
  }

  // `option` is a function from colours to an ECharts option, called again when the theme changes.
  chart(title, note, option) {
    this.grid ??= this.element("div", null, undefined, "charts");
    const section = this.section(title, note, this.grid);
    const box = this.element("div", section, undefined, "chart");
    box.setAttribute("role", "img");
    box.setAttribute("aria-label", `${title}. ${note}`);
    this.charts.push({ box, option, chart: null });
  }

  // Rows of texts and numbers; a column whose name ends with "|" holds text that may wrap.
  table(title, note, columns, rows) {
    const section = this.section(title, note);
    const scroll = this.element("div", section, undefined, "scroll");
    const table = this.element("table", scroll);
    const head = this.element("tr", this.element("thead", table));
    const wraps = columns.map((name) => name.endsWith("|"));
    columns.forEach((name, i) =>
      this.element("th", head, wraps[i] ? name.slice(0, -1) : name, wraps[i] ? "text" : ""));
    const body = this.element("tbody", table);
    for (const row of rows) {
      const line = this.element("tr", body);
      row.forEach((cell, i) => this.element("td", line,
        typeof cell === "number" ? terraceNumber(cell) : cell ?? "–",
        wraps[i] ? "text wrap" : ""));
    }
  }

  // Why a view has nothing to show, and what to run for it.
  empty(title, why) {
    this.grid ??= this.element("div", null, undefined, "charts");
    const section = this.section(title, undefined, this.grid);
    this.element("p", section, why, "empty");
  }

  // Anything else that is painted anew with the theme: an object with paint(colours).
  view(view) {
    this.views.push(view);
  }

  isDark() {
    return document.documentElement.dataset.theme === "dark";
  }

  colours() {
    const style = getComputedStyle(document.documentElement);
    const read = (name) => style.getPropertyValue(name).trim();
    return { series: this.isDark() ? terracePalette.dark : terracePalette.light,
      text: read("--text"), faint: read("--faint"), line: read("--line"),
      panel: read("--panel"), ground: read("--ground") };
  }

  draw() {
    const colours = this.colours();
    const state = document.documentElement.dataset;
    state.chartsExpected = this.charts.length;
    state.chartsDrawn = 0;
    for (const view of this.views) view.paint(colours);
    for (const entry of this.charts) {
      entry.chart?.dispose();
      entry.chart = echarts.init(entry.box, null, { renderer: "svg" });
      let seen = false;
      entry.chart.on("finished", () => {
        if (!seen) state.chartsDrawn = Number(state.chartsDrawn) + 1;
        seen = true;
      });
      entry.chart.setOption({ animation: false, aria: { enabled: true }, color: colours.series,
        textStyle: { color: colours.text, fontFamily: "system-ui, DejaVu Sans, sans-serif" },
        ...entry.option(colours) });
    }
  }
}

// Axis and tooltip in the page's colours.
const terraceAxis = (colours, options) => ({
  nameTextStyle: { color: colours.faint }, axisLabel: { color: colours.faint, hideOverlap: true },
  axisLine: { show: true, lineStyle: { color: colours.line } },
  splitLine: { lineStyle: { color: colours.line, opacity: 0.6 } }, minorSplitLine: { show: false },
  nameLocation: "middle", ...options });
const terraceTooltip = (colours, options) => ({
  backgroundColor: colours.panel, borderColor: colours.line,
  textStyle: { color: colours.text, fontSize: 12 }, ...options });
const terraceLine = (name, i, data, options) => ({
  name, type: "line", data, symbol: terraceSymbols[i % terraceSymbols.length], symbolSize: 8,
  lineStyle: { width: 2, type: terracePatterns[i % terracePatterns.length] }, ...options });

const terracePage = (build) => {
  const state = document.documentElement.dataset;
  window.addEventListener("error", (event) => {
    state.errors = `${state.errors ?? ""}${event.message}; `;
  });
  const page = new TerracePage(document.querySelector("main"));
  build(JSON.parse(document.getElementById("data").textContent), page);
  page.draw();
};
