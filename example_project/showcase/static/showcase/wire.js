// Stands between the page and the network, and writes down each request: who sent it, what came back, what it
// weighed. It does so by replacing `fetch`, as any script could that gets into a page before the rest; this is
// also how it comes by the tokens of the devices in the page, and what the thief steals. The credential of
// this browser never passes here: it is in cookies that no script sees.

const send = globalThis.fetch.bind(globalThis);
const owners = new Map();
let knocking = null;

/** Somebody who sends requests. `tokens` is what was last given to them in a body. */
export class Actor {
  tokens = {};
  constructor(name) {
    this.name = name;
  }
}

export const BROWSER = new Actor("This browser");

/** Tells of each exchange by an event "exchange"; `detail` is what `describe` returns. */
export const wire = new EventTarget();

/** Send a request as `actor`. */
export const sendAs = (actor, path, init) => exchange(actor, new Request(path, init));

/** Take the next login that asks for tokens in its body for that of `actor`. */
export const expect = (actor) => {
  knocking = actor;
};

globalThis.fetch = async (input, init) => {
  const request = new Request(input, init);
  const actor = await ownerOf(request);
  return exchange(actor, request);
};

async function ownerOf(request) {
  const { pathname } = new URL(request.url);
  if (pathname.endsWith("/auth/login/") && request.headers.get("X-Authkit-Transport") === "header" && knocking)
    return knocking;
  const bearer = request.headers.get("Authorization")?.split(" ")[1];
  const token = bearer ?? (await jsonOf(request)).refresh;
  return owners.get(token) ?? BROWSER;
}

async function exchange(actor, request) {
  const { method } = request;
  const path = new URL(request.url).pathname;
  try {
    // Another device has none of this browser's cookies.
    const response = await send(actor === BROWSER ? request : new Request(request, { credentials: "omit" }));
    const body = path.startsWith("/auth/") || !response.ok ? await jsonOf(response) : {};
    if (body.access) {
      actor.tokens = { access: body.access, refresh: body.refresh };
      for (const token of [body.access, body.refresh]) if (token) owners.set(token, actor);
    }
    const retryAfter = Number(response.headers.get("Retry-After"));
    tell({ actor, method, path, status: response.status, code: body.code ?? "", retryAfter, ...weightOf(response) });
    return response;
  } catch (error) {
    tell({ actor, method, path, status: 0, code: "unreachable", retryAfter: 0, up: 0, down: 0 });
    throw error;
  }
}

async function jsonOf(message) {
  if (!message.headers.get("Content-Type")?.startsWith("application/json")) return {};
  return message.clone().json().catch(() => ({})) ?? {};
}

/** What the server's scales say. */
function weightOf(response) {
  const [, up = 0, down = 0] = response.headers.get("X-Showcase-Bytes")?.match(/up=(\d+) down=(\d+)/) ?? [];
  return { up: Number(up), down: Number(down) };
}

const tell = (detail) => wire.dispatchEvent(new CustomEvent("exchange", { detail }));
