// The comparison: the server runs it in a process of its own, so it goes on if this page is closed.

import { announce, byId, make, refill, slot, write } from "./dom.js";
import { explain } from "./reasons.js";

const URL_OF_IT = "/showcase/comparison/";
const REPORT = "/showcase/comparison/report/";
const BEAT = 1000;
const PATIENCE = 10_000;
const place = byId("comparison");
const button = place.querySelector("[data-act=compare]");
const error = slot(place, "error");
const bar = place.querySelector("progress");
let following = false;

/** Make the button start a comparison, and show the one that is running or was last. `client` sends requests. */
export function offerComparison(client) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    error.hidden = true;
    try {
      await begin(client);
    } catch (problem) {
      fail(problem instanceof CompareFailed ? problem.message : explain(problem));
    } finally {
      button.disabled = following;
    }
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) follow();
  });
  return follow();
}

class CompareFailed extends Error {}

const ask = async () => (await fetch(URL_OF_IT)).json();
const pause = () => new Promise((resolve) => setTimeout(resolve, BEAT));

async function begin(client) {
  const { began } = await ask();
  const response = await client.fetch(URL_OF_IT, { method: "POST" });
  // 409: another tab was first, or this server cannot; the state says which.
  if (!response.ok && response.status !== 409) throw new CompareFailed(`The server did not start it: it returned ${response.status}.`);
  const { detail } = await response.json();
  for (const since = Date.now(); Date.now() - since < PATIENCE; await pause()) {
    const state = await ask();
    if (state.is === "running" || state.began !== began) return void follow();
    if (detail) throw new CompareFailed(detail);
  }
  throw new CompareFailed("The comparison has not started. See the terminal of the demo for the reason.");
}

/** Show the comparison for as long as it runs, and then how it ended. */
async function follow() {
  if (following) return;
  following = true;
  try {
    let state = await ask();
    const ran = state.is === "running";
    for (; state.is === "running"; state = await ask().catch(() => state)) {
      showProgress(state);
      await pause();
    }
    showEnd(state);
    if (ran) announce(state.is === "done" ? "The comparison is done: see its report." : "The comparison has failed.");
  } catch {
    // The server does not respond, which the page says elsewhere; it looks again when it is shown again.
  } finally {
    following = false;
  }
}

function showProgress({ phase = "starting", step, steps, began }) {
  button.disabled = true;
  error.hidden = true;
  slot(place, "report").replaceChildren();
  delete slot(place, "report").dataset.shows;
  slot(place, "progress").hidden = false;
  if (steps) Object.assign(bar, { max: steps, value: step });
  else bar.removeAttribute("value");
  const seconds = Math.max(0, Math.round((Date.now() - began) / 1000));
  const told = phase[0].toUpperCase() + phase.slice(1);
  write(place, "phase", `${told}${steps ? `: ${step} of ${steps}` : ""}. ${seconds} s so far.`);
}

function showEnd({ is, why, began, has_report: hasReport }) {
  slot(place, "progress").hidden = true;
  button.disabled = false;
  button.textContent = is === "none" ? "Compare now" : "Compare again";
  if (is === "failed") fail(why);
  if (!hasReport) return;
  refill(slot(place, "report"), began, () => [
    make("p", {}, make("a", { href: REPORT, target: "_blank", rel: "noopener" }, "Open the report in a tab of its own")),
    make("iframe", { src: `${REPORT}?began=${began}`, title: "Report of the comparison" }),
  ]);
}

function fail(why) {
  error.textContent = why;
  error.hidden = false;
}
