"use strict";
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const slopes = JSON.parse(document.getElementById("slopes").textContent);

// What needs no script is shown without one.
for (const each of all(".choose, .sliders")) each.hidden = false;
addEventListener("beforeprint", () => all("main > details").forEach((each) => (each.open = true)));

// Numbers as django_authkit.compare.words writes them.
function number(value) {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en-US");
  return value ? String(Number(value.toPrecision(3))) : "0";
}
function size(bytes) {
  for (const [unit, name] of [[1e12, "TB"], [1e9, "GB"], [1e6, "MB"], [1e3, "kB"]])
    if (bytes >= unit) return `${number(bytes / unit)} ${name}`;
  return `${Math.round(bytes)} bytes`;
}

// Hide variants.
for (const box of all(".choose input"))
  box.addEventListener("change", () => {
    for (const row of all("tr[data-variant]")) if (row.dataset.variant === box.value) row.hidden = !box.checked;
  });

// Sort by a column: a button in each heading.
for (const table of all("table[data-sortable]")) {
  all("thead th", table).forEach((heading, column) => {
    const button = document.createElement("button");
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => sort(table, heading, column));
  });
}
function sort(table, heading, column) {
  const down = heading.ariaSort === "ascending";
  for (const each of all("thead th", table)) each.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", down ? "descending" : "ascending");
  const order = (row) => Number(row.cells[column].dataset.order);
  const rows = all("tbody tr", table).sort((one, other) => (order(one) - order(other)) * (down ? -1 : 1));
  table.tBodies[0].append(...rows);
}

// What if: the formulas that are shown below the table.
const form = document.querySelector("form.sliders");
function chosen() {
  const at = {};
  for (const input of all("input", form)) {
    const value = Number(input.value);
    at[input.name] = "power" in input.dataset ? Number((10 ** value).toPrecision(2)) : value;
    input.parentElement.querySelector("output").textContent = number(at[input.name]);
  }
  return at;
}
function recompute() {
  const at = chosen();
  for (const row of all(".costs tr[data-variant]")) {
    const of = slopes[row.dataset.variant];
    if (!of) continue;
    const memory = of.stored === null ? null : at.users * at.sessions * of.stored;
    const costs = [
      [of.ms + of.trips * at.distance, number],
      [(at.requests * of.cpu) / 1000 / 86400, number],
      [at.requests * of.bytes, size],
      [memory, size],
    ];
    costs.forEach(([value, told], place) => {
      const cell = row.cells[place + 1];
      cell.dataset.order = value ?? -1;
      cell.textContent = value === null ? "-" : told(value);
    });
  }
}
form.addEventListener("input", recompute);
form.addEventListener("submit", (event) => event.preventDefault());
recompute();
