// Helpers that change the page. Text is inserted as text, never as HTML.

export const byId = (id) => document.getElementById(id);
export const slot = (root, name) => root.querySelector(`[data-slot="${name}"]`);
export const copyOf = (id) => byId(id).content.firstElementChild.cloneNode(true);

/** Make an element with properties and children; a property `data` becomes data attributes. */
export function make(tag, { data = {}, ...properties } = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  Object.assign(element.dataset, data);
  element.append(...children);
  return element;
}

/** Show `text` in the slot, unless it is already there. */
export function write(root, name, text) {
  const place = slot(root, name);
  if (place.textContent !== text) place.textContent = text;
}

/** Show a state: "in", "out" or "" for neither, and its description. */
export function writeState(root, is, words) {
  root.dataset.is = is;
  slot(root, "state").dataset.is = is;
  write(root, "state", words);
}

/** Replace the content of a place if `key`, which identifies the content, has changed. */
export function refill(place, key, children) {
  const text = JSON.stringify(key);
  if (place.dataset.shows === text) return;
  place.dataset.shows = text;
  place.replaceChildren(...children());
}

/** A button that calls `does`. */
export function button(words, does) {
  const element = make("button", { type: "button" }, words);
  element.addEventListener("click", does);
  return element;
}

/** Show a mode as a badge. */
export const badge = (mode) => make("b", { className: "badge", data: { mode } }, modeName(mode));
export const modeName = (mode) => (mode === "jwt" ? "JWT" : "session");

/** A row of a list of facts. */
export const fact = (term, ...content) => make("div", {}, make("dt", {}, term), make("dd", {}, ...content));

/** Show `value` behind a summary. If it is already open, it stays open. */
export function disclose(place, summary, value) {
  let details = place.querySelector("details");
  if (!details) {
    details = make("details", {}, make("summary"), make("pre", { tabIndex: 0 }));
    place.replaceChildren(details);
  }
  details.firstChild.textContent = summary;
  details.lastChild.textContent = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  details.lastChild.ariaLabel = summary;
}

/** Announce an event, also to screen readers. */
export const announce = (text) => {
  byId("announcement").textContent = text;
};

export const size = (bytes) => `${bytes.toLocaleString("en")} bytes`;
