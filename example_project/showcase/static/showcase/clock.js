// Countdowns by the server's clock, which its responses report.

import { make } from "./dom.js";

let ahead = 0;

/** Set the time of the server, in milliseconds. */
export const setClock = (now) => {
  ahead = now - Date.now();
};
export const now = () => Date.now() + ahead;

/** An element that counts down to an instant, in milliseconds. */
export function countdown(until) {
  const element = make("span", { className: "countdown", data: { until } });
  element.title = new Date(until).toLocaleString();
  tick(element);
  return element;
}

const UNITS = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1000],
];

/** A duration in words, in its two largest units: "4 minutes 10 seconds". */
export function inWords(milliseconds) {
  const words = [];
  let left = Math.max(0, milliseconds);
  for (const [name, length] of UNITS) {
    const count = Math.floor(left / length);
    left -= count * length;
    if (count > 0 || words.length > 0 || name === "second") words.push(`${count} ${name}${count === 1 ? "" : "s"}`);
    if (words.length === 2) break;
  }
  return words.join(" ");
}

function tick(element) {
  const left = Number(element.dataset.until) - now();
  element.textContent = left > 0 ? `in ${inWords(left)}` : "now";
}

setInterval(() => document.querySelectorAll("[data-until]").forEach(tick), 1000);
