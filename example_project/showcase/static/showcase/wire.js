// Records each request of the page: who sent it, its response, and the bytes of credentials. It replaces `fetch`,
// as any script could that runs before the others. This is also how it gets the tokens of the devices on the
// page, which the thief steals. It never sees the credential of this browser, which is in HttpOnly cookies.

const send = globalThis.fetch.bind(globalThis);
const owners = new Map();
let loggingIn = null;

/** A sender of requests. `tokens` are those of the last response body that had them. */
export class Actor {
  tokens = {};
  constructor(name) {
    this.name = name;
  }
}

export const BROWSER = new Actor("This browser");

/** Dispatches an event "exchange" for each request. */
export const wire = new EventTarget();

/** Send a request as `actor`. */
export const sendAs = (actor, path, init) => exchange(actor, new Request(path, init));

/** Attribute the next login in header transport to `actor`. */
export const expect = (actor) => {
  loggingIn = actor;
};

globalThis.fetch = async (input, init) => {
  const request = new Request(input, init);
  const actor = await ownerOf(request);
  return exchange(actor, request);
};

async function ownerOf(request) {
  const { pathname } = new URL(request.url);
  if (pathname.endsWith("/auth/login/") && request.headers.get("X-Authkit-Transport") === "header" && loggingIn)
    return loggingIn;
  const bearer = request.headers.get("Authorization")?.split(" ")[1];
  const token = bearer ?? (await jsonOf(request)).refresh;
  return owners.get(token) ?? BROWSER;
}

async function exchange(actor, request) {
  const { method } = request;
  const path = new URL(request.url).pathname;
  try {
    // Another device does not have the cookies of this browser.
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

/** The bytes that the server counted. */
function weightOf(response) {
  const [, up = 0, down = 0] = response.headers.get("X-Showcase-Bytes")?.match(/up=(\d+) down=(\d+)/) ?? [];
  return { up: Number(up), down: Number(down) };
}

const tell = (detail) => wire.dispatchEvent(new CustomEvent("exchange", { detail }));
