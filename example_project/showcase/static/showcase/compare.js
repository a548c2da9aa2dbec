// The two columns. Each shows the state of this browser while that mode was in use.

import { countdown } from "./clock.js";
import { byId, disclose, fact, make, modeName, refill, size, slot, write, writeState } from "./dom.js";

const columns = Object.fromEntries(
  [...byId("strategies").children].map((column) => [column.dataset.mode, column]),
);
const LIVE_ROWS = ["cookies", "script", "weight", "record", "expiry"];
const seen = new Set();

/** Show what the mirror reports about this browser; `up` is the number of bytes sent. */
export function showSeen(mirror, up) {
  const column = columns[mirror.mode];
  seen.add(mirror.mode);
  showStates(mirror.mode);
  showCookies(slot(column, "cookies"), mirror);
  showScript(slot(column, "script"), mirror);
  write(column, "weight", `${size(up)} of cookies, ${size(ownOf(mirror))} of them this credential`);
  showRecord(slot(column, "record"), mirror.record);
  showExpiry(slot(column, "expiry"), mirror);
  if (mirror.mode === "jwt") showClaims(slot(column, "inside"), mirror);
}

/** Show that nobody is logged in on this browser. */
export function showNobody() {
  seen.clear();
  showStates(null);
}

function showStates(live) {
  for (const [mode, column] of Object.entries(columns)) {
    column.dataset.live = mode === live ? "yes" : "no";
    if (mode === live) writeState(column, "in", "in use");
    else writeState(column, "", seen.has(mode) ? "as it was before the switch" : "not seen yet");
    if (!seen.has(mode)) showUnseen(column, live);
  }
}

function showUnseen(column, live) {
  const mode = column.dataset.mode;
  for (const row of mode === "jwt" ? [...LIVE_ROWS, "inside"] : LIVE_ROWS)
    refill(slot(column, row), [], () => [make("span", { className: "unseen" }, "not seen yet")]);
  const hint = live ? `Switch the server to ${modeName(mode)} mode to see it.` : "Log in to see it.";
  refill(slot(column, LIVE_ROWS[0]), hint, () => [make("span", { className: "unseen" }, hint)]);
}

const ownOf = ({ cookies, mode }) =>
  cookies.filter((each) => each.of === mode).reduce((sum, { name, bytes }) => sum + name.length + 1 + bytes, 0);

const readable = (name) => document.cookie.split("; ").some((pair) => pair.startsWith(`${name}=`));

function showCookies(place, { cookies, mode }) {
  const told = cookies.map(({ name, of, bytes, end }) => [
    name,
    `${bytes} characters, ends in ${end}${of && of !== mode ? "; left from before the switch" : ""}`,
    readable(name),
  ]);
  refill(place, told, () => [
    make("ul", { className: "held" }, ...told.map(([name, about, open]) =>
      make("li", {}, make("code", {}, name), make("span", {}, about),
        make("span", {}, open ? "a script can read it" : "HttpOnly: no script can read it")))),
  ]);
}

function showScript(place, { cookies }) {
  const names = cookies.map(({ name }) => name).filter(readable);
  refill(place, names, () => [
    make("p", {}, "document.cookie contains: ", make("code", {}, names.join(", ") || "nothing")),
    make("p", { className: "small" }, "Scripts cannot read a credential. An injected script can send requests while the page is open, but cannot steal a token."),
  ]);
}

function showRecord(place, record) {
  disclose(place, `The record: ${Object.keys(record).length} fields, and digests of the secrets`, record);
}

function showClaims(place, { cookies }) {
  const tokens = cookies.filter(({ of }) => of === "jwt").filter(({ inside }) => inside);
  if (!place.querySelector("details")) place.replaceChildren();
  for (const { name, inside } of tokens) {
    let part = place.querySelector(`[data-token="${name}"]`);
    if (!part) {
      part = make("div", { data: { token: name } });
      place.append(part);
    }
    disclose(part, `${name}: its claims`, inside);
  }
}

function showExpiry(place, { mode, record, cookies }) {
  const access = cookies.find(({ inside }) => inside?.header.typ === "at+jwt")?.inside.claims.exp * 1000;
  refill(place, [mode, access, record.idle_expires_ms, record.expires_ms], () => [
    make("dl", { className: "facts" },
      ...(mode === "jwt" ? [fact("access token", countdown(access))] : []),
      fact("without activity", countdown(record.idle_expires_ms)),
      fact("at the latest", countdown(record.expires_ms))),
  ]);
}
