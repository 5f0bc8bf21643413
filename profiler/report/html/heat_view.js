// SPDX-License-Identifier: Apache-2.0
// A dense heat map on a canvas: rows of names, columns of time. Hit test, tooltip and keyboard are
// its own, since a chart library takes seconds for 20,000 cells. For tests, <html> carries
// data-heat-cells, the number of cells that have a colour.
"use strict";

// Anchors of viridis (van der Walt and Smith, 2015), whose lightness rises with the value, so that
// it reads without any sense of colour.
const heatStops = [[68, 1, 84], [65, 68, 135], [42, 120, 142], [34, 168, 132], [122, 209, 81],
  [253, 231, 37]];
const heatDecades = 3;
// A mark for each tier beside its name: tiers are told apart without any colour.
const heatTierMarks = ["\u25a0", "\u25b2", "\u25cf", "\u25c6", "\u25bc", "\u2605"];

// 0 to 1 on a logarithmic scale of three decades below the hottest cell; null: not touched.
const heatLevel = (value, hottest) => {
  if (!(value > 0) || !(hottest > 0)) return null;
  return Math.max(0, 1 + Math.log10(value / hottest) / heatDecades);
};
const heatColour = (level) => {
  const at = Math.min(level, 1) * (heatStops.length - 1);
  const low = Math.min(Math.floor(at), heatStops.length - 2);
  return heatStops[low].map((from, i) => from + (heatStops[low + 1][i] - from) * (at - low));
};

class HeatView {
  // grid: {columns, seconds, rows: [{label, mb_per_second, tier_bytes, bytes}]}; steps: [[s, ms]].
  constructor(page, parent, grid, tiers, steps) {
    Object.assign(this, { grid, tiers, steps });
    this.hottest = Math.max(0, ...grid.rows.map((row) =>
      row.mb_per_second.reduce((most, cell) => Math.max(most, cell ?? 0), 0)));
    this.box = page.element("div", parent, undefined, "heat");
    this.scroll = page.element("div", this.box, undefined, "scroll");
    this.canvas = page.element("canvas", this.scroll);
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "application");
    this.canvas.setAttribute("aria-label",
      `Heat of ${grid.rows.length} ranges over ${grid.columns} columns of time. ` +
      "Arrow keys move from cell to cell and read it out.");
    this.legend = page.element("canvas", this.box);
    this.tip = page.element("div", this.box, undefined, "tip");
    this.tip.setAttribute("role", "status");
    this.tip.hidden = true;
    this.rowHeight = grid.rows.length > 60 ? 13 : grid.rows.length > 20 ? 17 : 24;
    this.at = null;
    this.canvas.addEventListener("mousemove", (event) =>
      this.point(this.cellAt(event.offsetX, event.offsetY)));
    this.canvas.addEventListener("mouseleave", () => this.point(null));
    this.canvas.addEventListener("blur", () => this.point(null));
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    window.addEventListener("resize", () => this.paint(page.colours()));
    page.view(this);
  }

  // Canvas pixels are the screen's, coordinates CSS pixels.
  size(canvas, width, height) {
    const scale = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    const context = canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.font = `${Math.min(12, this.rowHeight - 1)}px system-ui, DejaVu Sans, sans-serif`;
    context.textBaseline = "middle";
    return context;
  }

  paint(colours) {
    this.colours = colours;
    const width = Math.max(420, this.scroll.clientWidth - 2);
    this.left = Math.min(300, width * 0.32);
    this.right = Math.min(120, width * 0.16);
    this.top = 44;
    this.cellWidth = (width - this.left - this.right) / this.grid.columns;
    const context = this.size(this.canvas, width,
      this.top + this.grid.rows.length * this.rowHeight + 2);
    this.paintCells(context);
    this.paintRows(context);
    this.paintTime(context);
    this.paintLegend(width);
  }

  // One pixel a cell on a small canvas, drawn large: the cost does not grow with the screen.
  paintCells(context) {
    const { columns, rows } = this.grid;
    const small = document.createElement("canvas");
    small.width = columns;
    small.height = rows.length;
    const pixels = new ImageData(columns, rows.length);
    let coloured = 0;
    rows.forEach((row, y) => row.mb_per_second.forEach((cell, x) => {
      const level = heatLevel(cell, this.hottest);
      if (level === null) return;
      const [red, green, blue] = heatColour(level);
      pixels.data.set([red, green, blue, 255], 4 * (y * columns + x));
      ++coloured;
    }));
    small.getContext("2d").putImageData(pixels, 0, 0);
    const height = rows.length * this.rowHeight;
    context.fillStyle = this.colours.ground;
    context.fillRect(this.left, this.top, this.cellWidth * columns, height);
    context.imageSmoothingEnabled = false;
    context.drawImage(small, this.left, this.top, this.cellWidth * columns, height);
    this.paintUnobserved(context);
    document.documentElement.dataset.heatCells = coloured;
  }

  // A stroke through the middle: no observation, which is not the same as no heat.
  paintUnobserved(context) {
    context.strokeStyle = this.colours.line;
    context.lineWidth = 1;
    context.beginPath();
    this.grid.rows.forEach((row, y) => {
      const middle = this.top + (y + 0.5) * this.rowHeight;
      for (let x = 0; x < row.mb_per_second.length; ++x) {
        if (row.mb_per_second[x] !== null) continue;
        const begin = x;
        while (x < row.mb_per_second.length && row.mb_per_second[x] === null) ++x;
        context.moveTo(this.left + begin * this.cellWidth, middle);
        context.lineTo(this.left + x * this.cellWidth, middle);
      }
    });
    context.stroke();
  }

  fitted(context, text, width) {
    if (context.measureText(text).width <= width) return text;
    let low = 0;
    let high = text.length;
    while (low + 1 < high) {
      const middle = (low + high) >> 1;
      if (context.measureText(`${text.slice(0, middle)}\u2026`).width <= width) low = middle;
      else high = middle;
    }
    return `${text.slice(0, low)}\u2026`;
  }

  // "■ fast 80 %": the tier that holds most of the row.
  tierText(row) {
    const most = row.tier_bytes.indexOf(Math.max(...row.tier_bytes));
    if (most < 0 || !(row.tier_bytes[most] > 0)) return "on no tier";
    const share = Math.round(100 * row.tier_bytes[most] / row.bytes);
    const mark = heatTierMarks[most % heatTierMarks.length];
    return `${mark} ${this.tiers[most].name}${share < 100 ? ` ${share} %` : ""}`;
  }

  paintRows(context) {
    const right = this.left + this.cellWidth * this.grid.columns;
    this.grid.rows.forEach((row, y) => {
      const middle = this.top + (y + 0.5) * this.rowHeight;
      context.fillStyle = this.colours.text;
      context.fillText(this.fitted(context, row.label, this.left - 10), 2, middle);
      context.fillText(this.fitted(context, this.tierText(row), this.right - 10), right + 8, middle);
      if (y === 0 || this.grid.rows[y - 1].object === row.object) return;
      context.fillStyle = this.colours.line;
      context.fillRect(0, this.top + y * this.rowHeight, right + this.right, 1);
    });
  }

  paintTime(context) {
    const width = this.cellWidth * this.grid.columns;
    const x = (seconds) => this.left + width * seconds / this.grid.seconds;
    context.fillStyle = this.colours.faint;
    context.fillText("tier", this.left + width + 8, 33);
    const spans = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600];
    const span = spans.find((one) => this.grid.seconds / one <= 8) ?? this.grid.seconds / 8;
    for (let at = 0; at <= this.grid.seconds - span / 4; at += span) {
      context.fillText(span >= 60 ? `${terraceNumber(at / 60)} min` : `${terraceNumber(at)} s`,
        x(at) + 3, 12);
      context.fillRect(x(at), 4, 1, 18);
    }
    context.fillText("steps measured", Math.max(2, this.left - 104), 33);
    context.fillStyle = this.colours.text;
    for (const [at] of this.steps) {
      context.beginPath();
      context.moveTo(x(at) - 3, 28);
      context.lineTo(x(at) + 3, 28);
      context.lineTo(x(at), 38);
      context.fill();
    }
  }

  paintLegend(width) {
    const context = this.size(this.legend, width, 40);
    const bar = Math.min(300, width - this.left - 150);
    context.font = "12px system-ui, DejaVu Sans, sans-serif";
    for (let x = 0; x < bar; ++x) {
      context.fillStyle = `rgb(${heatColour(x / bar).map(Math.round).join(" ")})`;
      context.fillRect(this.left + x, 8, 1, 10);
    }
    context.fillStyle = this.colours.text;
    const least = this.hottest / 10 ** heatDecades;
    context.fillText(`${terraceBytes(least * 1e6)}/s and less`, this.left, 28);
    context.textAlign = "right";
    context.fillText(`${terraceBytes(this.hottest * 1e6)}/s`, this.left + bar, 28);
    context.textAlign = "left";
    context.fillText("blank: not touched    \u2014 not observed", this.left + bar + 16, 13);
  }

  cellAt(x, y) {
    const column = Math.floor((x - this.left) / this.cellWidth);
    const row = Math.floor((y - this.top) / this.rowHeight);
    const inside = column >= 0 && column < this.grid.columns && row >= 0 &&
      row < this.grid.rows.length;
    return inside ? { row, column } : null;
  }

  key(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
      PageUp: [0, -10], PageDown: [0, 10], Home: [-1e9, 0], End: [1e9, 0] };
    if (event.key === "Escape") this.point(null);
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    const clamp = (value, most) => Math.max(0, Math.min(most, value));
    const from = this.at ?? { column: -move[0], row: -move[1] };
    this.point({ column: clamp(from.column + move[0], this.grid.columns - 1),
      row: clamp(from.row + move[1], this.grid.rows.length - 1) });
    const y = this.top + this.at.row * this.rowHeight;
    if (y < this.scroll.scrollTop + this.top) this.scroll.scrollTop = y - this.top;
    const bottom = y + this.rowHeight - this.scroll.clientHeight;
    if (bottom > this.scroll.scrollTop) this.scroll.scrollTop = bottom;
    this.place();
  }

  text({ row, column }) {
    const one = this.grid.rows[row];
    const seconds = this.grid.seconds / this.grid.columns;
    const cell = one.mb_per_second[column];
    const heat = cell === null ? "not observed"
      : cell === 0 ? "not touched" : `${terraceBytes(cell * 1e6)}/s`;
    return `${one.label}\n${terraceBytes(one.bytes)}, ${this.tierText(one)}\n` +
      `${terraceNumber(column * seconds)} to ${terraceNumber((column + 1) * seconds)} s: ${heat}`;
  }

  point(cell) {
    this.at = cell;
    this.tip.hidden = cell === null;
    if (cell === null) return;
    this.tip.textContent = this.text(cell);
    this.place();
  }

  place() {
    const x = this.left + this.at.column * this.cellWidth - this.scroll.scrollLeft;
    const y = this.top + (this.at.row + 1) * this.rowHeight - this.scroll.scrollTop;
    this.tip.style.left = `${Math.min(x + 12, Math.max(0, this.box.clientWidth -
      this.tip.offsetWidth - 8))}px`;
    this.tip.style.top = `${y + 6}px`;
  }
}
