// The list of requests. Repeated requests of one sender share a line with a counter.

import { byId, copyOf, size, slot, write } from "./dom.js";
import { wire } from "./wire.js";

const MOST = 80;
const WORDS = {
  0: "no response", 200: "OK", 201: "created", 202: "accepted", 204: "done", 400: "refused", 401: "refused", 403: "refused",
  404: "not found", 429: "too many requests", 503: "store is down",
};
const list = byId("log");
const recent = new Map();

wire.addEventListener("exchange", ({ detail }) => {
  const { actor, method, path, status, code, up, down } = detail;
  const key = [method, path, status, code].join(" ");
  if (method !== "GET" || status !== 200 || !recent.has(actor)) recent.set(actor, new Map());
  const entry = recent.get(actor).get(key) ?? { line: copyOf("log-line"), times: 0 };
  recent.get(actor).set(key, entry);
  const { line } = entry;
  entry.times += 1;
  write(line, "who", actor.name);
  write(line, "what", `${method} ${path}`);
  write(line, "times", entry.times > 1 ? `× ${entry.times}` : "");
  slot(line, "result").dataset.is = status >= 200 && status < 400 ? "good" : "bad";
  const words = [status || "", WORDS[status] ?? ""].filter(Boolean).join(" ");
  const more = code || (path === "/auth/refresh/" ? "new tokens" : "");
  write(line, "result", more ? `${words}: ${more}` : words);
  write(line, "bytes", `${size(up)} up, ${size(down)} down`);
  if (!line.isConnected) list.prepend(line);
  while (list.children.length > MOST) list.lastElementChild.remove();
});

export function clearLog() {
  recent.clear();
  list.replaceChildren();
}
