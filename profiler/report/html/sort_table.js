// SPDX-License-Identifier: Apache-2.0
// A table that its reader sorts and filters. Long ones show their first rows until all are asked
// for, since a browser lays out thousands of rows in seconds.
"use strict";

const sortTableFirst = 200;

class SortTable {
  // columns: [{name, text?, wrap?, show(row), key(row)}]; `key` gives what the column sorts by.
  constructor(page, section, columns, rows) {
    Object.assign(this, { page, columns, rows, all: false, column: null, direction: -1 });
    this.texts = new Map(rows.map((row) =>
      [row, columns.map((column) => column.show(row)).join(" ").toLowerCase()]));
    const bar = page.element("div", section, undefined, "bar");
    const label = page.element("label", bar, "filter ");
    this.filter = page.element("input", label);
    this.filter.type = "search";
    this.filter.addEventListener("input", () => this.fill());
    this.count = page.element("span", bar, "");
    this.count.setAttribute("role", "status");
    this.more = page.element("button", bar, "show all");
    this.more.addEventListener("click", () => { this.all = true; this.fill(); });
    const table = page.element("table", page.element("div", section, undefined, "scroll"));
    const head = page.element("tr", page.element("thead", table));
    this.heads = columns.map((column) => {
      const th = page.element("th", head, undefined, column.text ? "text" : "");
      th.scope = "col";
      const button = page.element("button", th, column.name);
      button.addEventListener("click", () => this.sort(column));
      return th;
    });
    this.body = page.element("tbody", table);
    this.fill();
  }

  sort(column) {
    this.direction = this.column === column ? -this.direction : column.text ? 1 : -1;
    this.column = column;
    this.columns.forEach((one, i) => {
      const th = this.heads[i];
      const sorted = one === column;
      if (sorted) th.setAttribute("aria-sort", this.direction > 0 ? "ascending" : "descending");
      else th.removeAttribute("aria-sort");
      th.firstChild.textContent = one.name +
        (sorted ? (this.direction > 0 ? " \u25b2" : " \u25bc") : "");
    });
    this.fill();
  }

  // Rows without a figure come last in either direction.
  compare(a, b) {
    const left = this.column.key(a);
    const right = this.column.key(b);
    if (left === null || left === undefined) return right === null || right === undefined ? 0 : 1;
    if (right === null || right === undefined) return -1;
    return this.direction * (typeof left === "string" ? left.localeCompare(right) : left - right);
  }

  fill() {
    const words = this.filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const matching = this.rows.filter((row) =>
      words.every((word) => this.texts.get(row).includes(word)));
    if (this.column) matching.sort((a, b) => this.compare(a, b));
    const shown = this.all ? matching : matching.slice(0, sortTableFirst);
    this.count.textContent = `${shown.length} of ${this.rows.length} shown`;
    this.more.hidden = shown.length === matching.length;
    this.body.replaceChildren();
    for (const row of shown) {
      const line = this.page.element("tr", this.body);
      for (const column of this.columns) {
        this.page.element("td", line, column.show(row),
          column.wrap ? "text wrap" : column.text ? "text" : "");
      }
    }
  }
}
