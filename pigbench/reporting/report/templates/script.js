"use strict";
// Tables are complete without this; it sorts and filters those that ask for it.
const number = (text) => {
  const found = text.replace("\u2212", "-").match(/^[+-]?\d[\d,]*(\.\d+)?/);
  return found ? Number(found[0].replaceAll(",", "")) : null;
};
const inOrder = (one, other, way) => {
  const [a, b] = [number(one), number(other)];
  if (a !== null && b !== null) return way * (a - b);
  if (a === null && b === null) return way * one.localeCompare(other);
  return a === null ? 1 : -1; // what has no number stays below
};
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const text = (row) => row.cells[column].textContent.trim();
      const first = [...body.rows].some((row) => number(text(row)) !== null) ? "descending" : "ascending"; // best above
      const now = heading.getAttribute("aria-sort");
      const way = (now ? now === "descending" : first === "ascending") ? 1 : -1;
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", way < 0 ? "descending" : "ascending");
      const rows = [...body.rows].sort((one, other) => inOrder(text(one), text(other), way));
      body.append(...rows);
    });
  });
  if (body.rows.length > 4) {
    const filter = document.createElement("input");
    filter.type = "search";
    filter.className = "filter";
    filter.placeholder = "Filter rows";
    filter.setAttribute("aria-label", "Filter the rows of this table");
    filter.addEventListener("input", () => {
      const wanted = filter.value.toLowerCase();
      for (const row of body.rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    });
    table.parentElement.before(filter);
  }
}
