// What the client does that needs no browser, against a real server: node --test tests/client

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { afterEach, beforeEach, mock, test } from "node:test";
import { AuthKit, AuthKitError } from "./module.mjs";
import { Site, refuse, send } from "./server.mjs";

const ADA = { username: "ada", password: "right" };
const TRANSPORTS = ["cookie", "header"];
let site, clients, events;

beforeEach(async () => {
  site = await Site.open();
  clients = [];
  events = [];
  globalThis.document = { cookie: "other=1; csrftoken=abc", visibilityState: "visible", addEventListener() {} };
});

afterEach(async () => {
  mock.timers.reset();
  for (const client of clients) client.close();
  delete globalThis.document;
  await site.close();
});

function client(options = {}) {
  const made = new AuthKit({ base: `${site.origin}/auth/`, transport: "header", ...options });
  for (const type of ["signed-in", "signed-out"])
    made.addEventListener(type, ({ detail }) => events.push(detail.reason ?? type));
  clients.push(made);
  return made;
}

async function loggedIn(options) {
  const made = client(options);
  await made.logIn(ADA);
  return made;
}

const api = (path = "notes/") => `${site.origin}/api/${path}`;
const swallow = (entry, response, answer) => {
  response.writeHead = () => ({ end: () => response.destroy() });
  answer();
};

test("A login that needs another step goes on with the handle of the error.", async () => {
  site.once("/auth/login/", (entry, response) =>
    send(response, 401, { code: "step_required", detail: "", step: "totp", handle: "h1", question: { digits: 6 } }));
  const auth = client();
  const error = await auth.logIn(ADA).catch((error) => error);
  assert.equal(error.code, "step_required");
  assert.deepEqual([error.body.step, error.body.question], ["totp", { digits: 6 }]);
  assert.equal((await auth.logIn({ handle: error.body.handle, code: "123456" })).username, "ada");
  const { body, headers } = site.to("/auth/login/step/")[0];
  assert.deepEqual(JSON.parse(body), { handle: "h1", code: "123456" });
  assert.equal(headers["x-authkit-transport"], "header");
  assert.equal(auth.state, "signed-in");
});

// -- the credential ------------------------------------------------------------------------------------------

test("In header transport the token goes into the header, and no CSRF token is sent.", async () => {
  const auth = await loggedIn();
  const answer = await auth.fetch(api(), { method: "POST", body: "milk" });
  assert.equal((await answer.json()).body, "milk");
  const { headers } = site.to("/api/notes/")[0];
  assert.equal(headers.authorization, "Bearer access-1");
  assert.equal(headers["x-csrftoken"], undefined);
});

const decoded = (part) => JSON.parse(Buffer.from(part, "base64url"));

async function proofOf({ headers }) {
  const [header, claims, signature] = headers.dpop.split(".");
  const { jwk, ...others } = decoded(header);
  assert.deepEqual(others, { typ: "dpop+jwt", alg: "ES256" });
  assert.deepEqual(Object.keys(jwk), ["kty", "crv", "x", "y"]);
  const ES256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("jwk", jwk, ES256, false, ["verify"]);
  const signed = Buffer.from(`${header}.${claims}`);
  assert.ok(await crypto.subtle.verify(ES256, key, Buffer.from(signature, "base64url"), signed));
  return { key: jwk.x, ...decoded(claims) };
}

test("With dpop each request has a proof of one key, for its method, address and token.", async () => {
  site.tokenType = "DPoP";
  const auth = await loggedIn({ dpop: true });
  await auth.fetch(`${api()}?page=2#top`, { method: "POST", body: "milk" });
  const [login] = site.to("/auth/login/");
  const [call] = site.to("/api/notes/?page=2");
  assert.equal(login.headers.authorization, undefined);
  assert.equal(call.headers.authorization, "DPoP access-1");
  assert.equal(call.body, "milk");
  const [first, second] = [await proofOf(login), await proofOf(call)];
  assert.deepEqual([first.htm, first.htu, first.ath], ["POST", `${site.origin}/auth/login/`, undefined]);
  const ath = createHash("sha256").update("access-1").digest("base64url");
  assert.deepEqual([second.htm, second.htu, second.ath], ["POST", api(), ath]);
  assert.equal(first.key, second.key);
  assert.notEqual(first.jti, second.jti);
  assert.ok(Math.abs(second.iat - Date.now() / 1000) < 5);
});

test("A server that does not bind the login gets its token as a bearer.", async () => {
  const auth = await loggedIn({ dpop: true });
  assert.equal((await auth.fetch(api())).status, 200);
  assert.equal(site.to("/api/notes/")[0].headers.authorization, "Bearer access-1");
});

test("Without dpop, and in cookie transport, no request has a proof.", async () => {
  for (const options of [{}, { transport: "cookie", dpop: true }]) await (await loggedIn(options)).fetch(api());
  assert.deepEqual(site.received.filter(({ headers }) => headers.dpop), []);
});

const wantsNonce = (status, nonce) => (entry, response) => refuse(response, status, "use_dpop_nonce", { "DPoP-Nonce": nonce });

test("A request is sent again with the nonce that the server wants, and the next ones have it too.", async () => {
  site.tokenType = "DPoP";
  site.once("/auth/login/", wantsNonce(400, "n1"));
  const auth = await loggedIn({ dpop: true });
  site.once("/api/notes/", wantsNonce(401, "n2"));
  const answer = await auth.fetch(api(), { method: "POST", body: "milk" });
  assert.equal((await answer.json()).body, "milk");
  site.once("/api/notes/", (entry, response) => send(response, 200, {}, { "DPoP-Nonce": "n3" }));
  for (let i = 0; i < 2; i++) await auth.fetch(api());
  const proofs = await Promise.all(site.received.map(proofOf));
  assert.deepEqual(proofs.map(({ nonce }) => nonce), [undefined, "n1", "n1", "n2", "n2", "n3"]);
  assert.equal(new Set(proofs.map(({ jti }) => jti)).size, 6);
  assert.equal(auth.state, "signed-in");
});

test("It is sent again only once, and not for another error.", async () => {
  site.tokenType = "DPoP";
  site.once("/auth/login/", wantsNonce(400, "n1"), 5);
  const auth = client({ dpop: true });
  await assert.rejects(auth.logIn(ADA), { code: "use_dpop_nonce", status: 400 });
  assert.equal(site.to("/auth/login/").length, 2);
  site.once("/auth/login/", (entry, response) => refuse(response, 401, "login_failed", { "DPoP-Nonce": "n2" }));
  await assert.rejects(auth.logIn(ADA), { code: "login_failed" });
  assert.equal(site.to("/auth/login/").length, 3);
});

test("In cookie transport unsafe requests bring the CSRF token, and safe ones do not.", async () => {
  const auth = await loggedIn({ transport: "cookie" });
  await auth.fetch(api(), { method: "DELETE" });
  await auth.fetch(api());
  assert.deepEqual(site.to("/api/notes/").map(({ headers }) => headers["x-csrftoken"]), ["abc", undefined]);
});

test("Without the CSRF cookie it is asked for first; with csrf: null it is not; a function is asked.", async () => {
  document.cookie = "";
  site.once("/auth/session/", (entry, response) => {
    document.cookie = "csrftoken=new";
    refuse(response, 401, "not_authenticated");
  });
  await loggedIn({ transport: "cookie" });
  assert.equal(site.to("/auth/login/")[0].headers["x-csrftoken"], "new");
  document.cookie = "";
  await loggedIn({ transport: "cookie", csrf: null });
  assert.equal(site.to("/auth/login/")[1].headers["x-csrftoken"], undefined);
  await loggedIn({ transport: "cookie", csrf: async () => "given" });
  assert.equal(site.to("/auth/login/")[2].headers["x-csrftoken"], "given");
});

test("After csrf_failed the cookie is fetched anew and the request sent once more.", async () => {
  const auth = await loggedIn({ transport: "cookie" });
  site.once("/api/notes/", (entry, response) => refuse(response, 403, "csrf_failed"));
  const answer = await auth.fetch(api(), { method: "POST", body: "milk" });
  assert.equal(answer.status, 200);
  site.once("/api/notes/", (entry, response) => refuse(response, 403, "csrf_failed"), 9);
  assert.equal((await auth.fetch(api(), { method: "POST" })).status, 403);
  assert.equal(site.to("/api/notes/").length, 4);
});

test("Nothing outside of the addresses of the API gets the credential.", async () => {
  const other = await Site.open();
  const auth = await loggedIn({ api: [`${site.origin}/api`] });
  for (const url of [other.origin, `${site.origin}/apix/`, `${site.origin}/api/../media/`, `${site.origin}/%61pi/`])
    await auth.fetch(`${url}#${site.origin}/api/`);
  await auth.fetch(`${other.origin}/${site.origin}/api/`);
  const strangers = [...other.received, ...site.received.filter(({ path }) => !path.startsWith("/auth/"))];
  await other.close();
  assert.equal(strangers.length, 5);
  assert.deepEqual(strangers.filter(({ headers }) => "authorization" in headers), []);
  await auth.fetch(api());
  assert.equal(site.to("/api/notes/")[0].headers.authorization, "Bearer access-1");
});

test("A redirect is never followed with the credential, to wherever it leads.", async () => {
  const other = await Site.open();
  const auth = await loggedIn();
  const away = (entry, response) => response.writeHead(307, { Location: other.origin }).end();
  site.once("/api/notes/", away, 9);
  await assert.rejects(auth.fetch(api()), TypeError);
  await assert.rejects(auth.fetch(api(), { redirect: "follow" }), TypeError);
  await auth.fetch(api(), { redirect: "manual" });
  site.once("/auth/refresh/", away, 9);
  await assert.rejects(auth.refresh(), { code: "unreachable" });
  await other.close();
  assert.deepEqual(other.received, []);
});

test("A request with a credential of its own, or with none on purpose, is left alone.", async () => {
  const auth = await loggedIn();
  site.expire();
  await auth.fetch(api(), { headers: { Authorization: "Basic eA==" } });
  await auth.fetch(api(), { credentials: "omit" });
  assert.deepEqual(site.to("/api/notes/").map(({ headers }) => headers.authorization), ["Basic eA==", undefined]);
  assert.equal(site.to("/auth/refresh/").length, 0);
});

test("No token can be read from outside, and none travels in a message.", async () => {
  const heard = [];
  const spy = new BroadcastChannel(`authkit:header:${site.origin}/auth/`);
  spy.onmessage = ({ data }) => heard.push(data);
  const auth = await loggedIn();
  await auth.refresh();
  await auth.logOut();
  await once(spy, "message").catch(() => {});
  spy.close();
  assert.equal(JSON.stringify([heard, auth, Object.entries(auth), events]).match(/access-|refresh-/), null);
  assert.equal(heard.length, 1);
});

// -- refreshing ----------------------------------------------------------------------------------------------

for (const transport of TRANSPORTS) {
  test(`Ten requests with an expired token need one refresh, and all succeed (${transport}).`, async () => {
    const auth = await loggedIn({ transport });
    site.expire();
    const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => auth.fetch(api(`${i}/`))));
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
    assert.equal(site.to("/auth/refresh/").length, 1);
    assert.deepEqual(events, ["signed-in"]);
  });

  test(`A revoked session is one event, and afterwards no more than what is asked for (${transport}).`, async () => {
    const auth = await loggedIn({ transport });
    site.revoke();
    const answers = await Promise.all(Array.from({ length: 5 }, () => auth.fetch(api())));
    assert.deepEqual(answers.map(({ status }) => status), [401, 401, 401, 401, 401]);
    assert.deepEqual(events, ["signed-in", "session_ended"]);
    assert.deepEqual([auth.state, auth.user, auth.session], ["signed-out", null, null]);
    const before = site.received.length;
    await auth.fetch(api());
    assert.equal(site.received.length, before + 1);
  });

  test(`In session mode a 401 is not refreshed (${transport}).`, async () => {
    site.mode = "session";
    const auth = await loggedIn({ transport });
    site.revoke();
    assert.equal((await auth.fetch(api())).status, 401);
    assert.equal(site.to("/auth/refresh/").length, 0);
    assert.deepEqual(events, ["signed-in", "session_ended"]);
  });

  test(`A lost answer to the refresh is asked for again (${transport}).`, async () => {
    const auth = await loggedIn({ transport });
    site.expire();
    site.once("/auth/refresh/", (entry, response) => response.destroy());
    assert.equal((await auth.fetch(api())).status, 200);
    assert.equal(site.to("/auth/refresh/").length, 2);
  });

  for (const [name, act, code] of [
    ["a cut line", (entry, response) => response.destroy(), "unreachable"],
    ["a page of a proxy", (entry, response) => response.writeHead(502).end("<h1>Bad gateway"), "unreachable"],
    ["a portal", (entry, response) => response.writeHead(200).end("<h1>Log in to the Wi-Fi"), "unreachable"],
    ["a proxy's own 401", (entry, response) => response.writeHead(401).end("Proxy"), "unreachable"],
    ["a store that is down", (entry, response) => refuse(response, 503, "store_unavailable"), "store_unavailable"],
    ["a throttle", (entry, response) => refuse(response, 429, "throttled"), "throttled"],
  ])
    test(`${name}: nobody can tell, so nobody is logged out (${transport}).`, async () => {
      const auth = await loggedIn({ transport });
      site.expire();
      site.once("/auth/refresh/", act, 2);
      await assert.rejects(auth.fetch(api()), (error) => error instanceof AuthKitError && error.code === code);
      assert.equal(auth.state, "signed-in");
      site.once("/auth/refresh/", null, 0);
      assert.equal((await auth.fetch(api())).status, 200);
      assert.deepEqual(events, ["signed-in"]);
    });
}

test("A hung refresh is given up in time, and tried twice within the timeout.", async () => {
  const auth = await loggedIn({ timeout: 600 });
  site.expire();
  site.once("/auth/refresh/", () => {}, 2);
  const before = performance.now();
  await assert.rejects(auth.fetch(api()), { code: "unreachable", status: 0 });
  assert.ok(performance.now() - before < 5000);
  assert.equal(site.to("/auth/refresh/").length, 2);
  assert.equal(auth.state, "signed-in");
});

test("Retry-After is honoured: until then the server is not asked again.", async () => {
  const auth = await loggedIn();
  site.expire();
  site.once("/auth/refresh/", (entry, response) => refuse(response, 503, "store_unavailable", { "Retry-After": 1 }));
  for (let i = 0; i < 3; i++) await assert.rejects(auth.fetch(api()), { status: 503, retryAfter: 1 });
  assert.equal(site.to("/auth/refresh/").length, 1);
  await new Promise((done) => setTimeout(done, 1050));
  assert.equal((await auth.fetch(api())).status, 200);
});

test("A list that fails is not asked for again.", async () => {
  const auth = await loggedIn();
  const list = "/auth/sessions/?page_size=100";
  site.once(list, (entry, response) => refuse(response, 503, "store_unavailable", { "Retry-After": 1 }));
  await assert.rejects(auth.sessions(), { status: 503 });
  site.once(list, (entry, response) => response.destroy());
  await assert.rejects(auth.sessions(), { code: "unreachable" });
  assert.equal(site.to(list).length, 2);
});

test("A request is sent twice at most, whatever is answered.", async () => {
  const auth = await loggedIn();
  site.once("/api/notes/", (entry, response) => refuse(response, 401, "token_expired"), 99);
  assert.equal((await auth.fetch(api())).status, 401);
  assert.equal(site.to("/api/notes/").length, 2);
  assert.equal(auth.state, "signed-in");
});

test("A 401 of somebody else's logs nobody out: the server is asked.", async () => {
  const auth = await loggedIn();
  for (const answer of [(response) => response.writeHead(401).end("No"), (response) => send(response, 401, null)]) {
    site.once("/api/notes/", (entry, response) => answer(response), 99);
    assert.equal((await auth.fetch(api())).status, 401);
  }
  assert.deepEqual(events, ["signed-in"]);
  assert.equal(site.to("/auth/refresh/").length, 0);
});

test("What asks for a fresh proof is handed on as it is; afterwards a new credential is used.", async () => {
  const auth = await loggedIn();
  site.once("/api/notes/", (entry, response) => refuse(response, 401, "reauthentication_required"));
  const answer = await auth.fetch(api());
  assert.equal((await answer.json()).code, "reauthentication_required");
  assert.equal(site.to("/auth/session/").length, 0);
  await auth.reauthenticate("right");
  assert.deepEqual(JSON.parse(site.to("/auth/reauthenticate/")[0].body), { password: "right", refresh: "refresh-1" });
  assert.equal((await auth.fetch(api())).status, 200);
  assert.equal(site.received.at(-1).headers.authorization, "Bearer access-2");
});

test("An expired token is no hindrance to a fresh proof.", async () => {
  const auth = await loggedIn();
  site.expire();
  await auth.reauthenticate({ word: "swordfish" });
  assert.deepEqual(JSON.parse(site.to("/auth/reauthenticate/")[0].body), { word: "swordfish", refresh: "refresh-2" });
});

test("Near its end a credential that is used is refreshed ahead of time; an unused one is left.", async () => {
  site.lifetime = 1;
  const auth = await loggedIn();
  await new Promise((done) => setTimeout(done, 1000));
  assert.equal(site.to("/auth/refresh/").length, 0);
  await auth.fetch(api());
  assert.equal(site.to("/auth/refresh/").length, 1);
  assert.equal(site.to("/api/notes/").length, 1);
  await new Promise((done) => setTimeout(done, 1000));
  assert.equal(site.to("/auth/refresh/").length, 2);
  await new Promise((done) => setTimeout(done, 1000));
  assert.equal(site.to("/auth/refresh/").length, 2);
});

test("If refreshing ahead of time fails, the request goes out all the same.", async () => {
  site.lifetime = 1;
  const auth = await loggedIn();
  await new Promise((done) => setTimeout(done, 950));
  site.once("/auth/refresh/", (entry, response) => refuse(response, 503, "store_unavailable"), 9);
  assert.equal((await auth.fetch(api())).status, 200);
});

test("After a sleep that timers did not see, the first request refreshes.", async () => {
  const auth = await loggedIn();
  mock.timers.enable({ apis: ["Date"], now: Date.now() + 3600_000 });
  await auth.fetch(api());
  assert.equal(site.to("/auth/refresh/").length, 1);
  assert.equal(site.to("/api/notes/").length, 1);
});

test("A computer whose clock is wrong, or set back, makes no difference.", async () => {
  mock.timers.enable({ apis: ["Date"], now: 0 });
  const auth = await loggedIn();
  await auth.fetch(api());
  mock.timers.setTime(0);
  await auth.fetch(api());
  assert.equal(site.to("/auth/refresh/").length, 0);
});

// -- what is sent again --------------------------------------------------------------------------------------

test("Bodies of every repeatable kind arrive whole at the second attempt.", async () => {
  const auth = await loggedIn();
  const form = new FormData();
  form.set("a", "1");
  const bodies = ["text", new Blob(["text"]), new URLSearchParams({ a: 1 }), form, new TextEncoder().encode("text")];
  for (const body of bodies) {
    site.expire();
    assert.equal((await auth.fetch(api(), { method: "POST", body })).status, 200);
    const [first, second] = site.to("/api/notes/").slice(-2);
    assert.notEqual(first.headers.authorization, second.headers.authorization);
    assert.equal(second.body, first.body);
    assert.notEqual(second.body, "");
  }
  site.expire();
  const request = new Request(api("r/"), { method: "PUT", body: "text", headers: { "X-Own": "1" } });
  assert.equal((await auth.fetch(request)).status, 200);
  assert.deepEqual(site.to("/api/r/").map(({ method, body, headers }) => [method, body, headers["x-own"]]), [
    ["PUT", "text", "1"],
    ["PUT", "text", "1"],
  ]);
});

test("A stream is not sent twice: its 401 is returned, and the next attempt works.", async () => {
  const auth = await loggedIn();
  const stream = () => ({ method: "POST", duplex: "half", body: new Blob(["text"]).stream() });
  site.expire();
  assert.equal((await auth.fetch(api(), stream())).status, 401);
  assert.equal((await auth.fetch(api(), stream())).status, 200);
  assert.deepEqual(site.to("/api/notes/").map(({ body }) => body), ["text", "text"]);
});

test("Who gives up waits for no refresh, and the refresh goes on for the others.", async () => {
  const auth = await loggedIn();
  site.expire();
  let answer;
  site.once("/auth/refresh/", (entry, response, usual) => (answer = usual));
  const giving = new AbortController();
  const first = auth.fetch(api("1/"), { signal: giving.signal });
  const second = auth.fetch(api("2/"));
  while (!answer) await new Promise((done) => setTimeout(done, 5));
  giving.abort();
  await assert.rejects(first, { name: "AbortError" });
  answer();
  assert.equal((await second).status, 200);
});

// -- who is logged in ----------------------------------------------------------------------------------------

test("start() says who is logged in, refreshes if need be, and tells of it.", async () => {
  const auth = client({ transport: "cookie" });
  assert.equal(auth.state, "unknown");
  assert.equal(await auth.start(), null);
  await (await loggedIn({ transport: "cookie", name: "another" })).fetch(api());
  site.expire();
  assert.deepEqual(await auth.start(), { id: 7, username: "ada" });
  assert.equal(auth.session.sid, "sid-1");
  assert.deepEqual(events, ["not_authenticated", "signed-in", "signed-in"]);
});

test("start() in header transport asks nothing: a page that has just loaded has no token.", async () => {
  assert.equal(await client().start(), null);
  assert.equal(site.received.length, 0);
});

test("start() rejects if nobody can tell, and the state stays unknown.", async () => {
  const auth = client({ transport: "cookie" });
  site.once("/auth/session/", (entry, response) => refuse(response, 503, "store_unavailable"));
  await assert.rejects(auth.start(), { code: "store_unavailable" });
  assert.equal(auth.state, "unknown");
  assert.deepEqual(events, []);
});

test("A refused login says why and changes nothing.", async () => {
  const auth = await loggedIn();
  await assert.rejects(auth.logIn({ ...ADA, password: "wrong" }), (error) => {
    assert.deepEqual([error.name, error.code, error.status], ["AuthKitError", "login_failed", 401]);
    return error.message === "It is login_failed.";
  });
  site.once("/auth/login/", (_, response) => send(response, 400, { code: "invalid_request", fields: { password: ["?"] } }));
  await assert.rejects(auth.logIn({}), { code: "invalid_request", fields: { password: ["?"] } });
  assert.equal(auth.state, "signed-in");
  assert.deepEqual(events, ["signed-in"]);
});

test("A logout that did not reach the server is no logout.", async () => {
  const auth = await loggedIn();
  site.once("/auth/logout/", (entry, response) => response.destroy());
  await assert.rejects(auth.logOut(), { code: "unreachable" });
  assert.equal(auth.state, "signed-in");
  await auth.logOut();
  assert.equal(auth.state, "signed-out");
  assert.deepEqual(JSON.parse(site.to("/auth/logout/")[1].body), { refresh: "refresh-1" });
  assert.deepEqual(events, ["signed-in", "logged_out"]);
});

test("A logout during a refresh stands, whatever the refresh brings.", async () => {
  const auth = await loggedIn();
  site.once("/auth/refresh/", (entry, response, answer) => setTimeout(answer, 50));
  await Promise.all([auth.refresh(), auth.logOut()]);
  await auth.fetch(api());
  assert.equal(auth.state, "signed-out");
  assert.equal(site.to("/api/notes/")[0].headers.authorization, undefined);
});

test("Devices are listed and revoked; revoking your own logs you out.", async () => {
  const auth = await loggedIn();
  site.expire();
  assert.equal((await auth.sessions())[0].sid, "sid-1");
  assert.equal(await auth.revokeOtherSessions(), 3);
  await auth.revokeSession("another/../1");
  assert.equal(site.received.at(-1).path, "/auth/sessions/another%2F..%2F1/");
  await auth.revokeSession("sid-1");
  assert.equal(auth.state, "signed-out");
});

test("A ticket is asked for with the credential, after a refresh if that is due.", async () => {
  const auth = await loggedIn();
  site.expire();
  assert.equal(await auth.ticket(), "ticket-of-1");
  const asked = site.to("/auth/ticket/");
  assert.deepEqual(asked.map(({ method }) => method), ["POST", "POST"]);
  assert.equal(site.to("/auth/refresh/").length, 1);
  await auth.logOut();
  await assert.rejects(auth.ticket(), { code: "session_ended" });
});

// -- other tabs ----------------------------------------------------------------------------------------------

for (const transport of TRANSPORTS)
  test(`A login that the project made is taken over, as if by logIn(): ${transport}.`, async () => {
    const auth = client({ transport });
    await auth.start().catch(() => null);
    Object.assign(site, { live: true, fresh: true, sid: 1, generation: 1 });
    const user = await auth.logInWith(transport === "header" ? { access: "access-1", refresh: "refresh-1", expires_in: 300 } : {});
    assert.equal(user.username, "ada");
    assert.equal(auth.state, "signed-in");
    site.expire();
    assert.equal((await auth.fetch(api())).status, 200);
    assert.equal(site.to("/auth/refresh/").length, 1);
    assert.deepEqual(events.slice(-1), ["signed-in"]);
  });

test("A login that the project made is told to the other tabs.", async () => {
  const [one, two] = [client({ transport: "cookie" }), client({ transport: "cookie" })];
  Object.assign(site, { live: true, fresh: true, sid: 1, generation: 1 });
  const told = once(two, "signed-in");
  await one.logInWith();
  await told;
  assert.equal(two.user.username, "ada");
});

test("A login that the server does not know is not taken over, and the one before it goes on.", async () => {
  const auth = await loggedIn();
  await assert.rejects(auth.logInWith({ access: "unknown", refresh: "unknown" }), AuthKitError);
  assert.equal(auth.state, "signed-in");
  await auth.fetch(api());
  assert.equal(site.to("/api/notes/")[0].headers.authorization, "Bearer access-1");
});

for (const transport of TRANSPORTS)
  test(`logOutEverywhere() ends the others and then its own: ${transport}.`, async () => {
    const auth = await loggedIn({ transport });
    await auth.logOutEverywhere();
    const asked = site.received.filter(({ method }) => method !== "GET").map(({ method, path }) => `${method} ${path}`);
    assert.deepEqual(asked.slice(-2), ["DELETE /auth/sessions/", "POST /auth/logout/"]);
    assert.equal(auth.state, "signed-out");
  });

test("In header transport a logout logs the user's other tabs out too, each with its own tokens.", async () => {
  const [one, two] = [await loggedIn(), await loggedIn()];
  const apart = await loggedIn({ name: "apart" });
  site.sid += 1;
  await one.logOut();
  await once(two, "signed-out");
  assert.equal(two.state, "signed-out");
  assert.equal(apart.state, "signed-in");
  assert.equal(site.to("/auth/logout/").length, 2);
});

test("In cookie transport tabs hear of login, refresh and logout without asking.", async () => {
  const [one, two] = [client({ transport: "cookie" }), client({ transport: "cookie" })];
  await one.logIn(ADA);
  await once(two, "signed-in");
  assert.deepEqual(two.user, one.user);
  site.expire();
  await one.fetch(api());
  await new Promise((done) => setTimeout(done, 20));
  await two.fetch(api());
  assert.equal(site.to("/auth/refresh/").length, 1);
  site.revoke();
  await one.fetch(api());
  await once(two, "signed-out");
  assert.deepEqual(events, ["signed-in", "signed-in", "session_ended", "session_ended"]);
  // Both times it was the first tab that asked; Node has no locks, so it asks before it refreshes.
  assert.equal(site.to("/auth/session/").length, 2);
});

test("A message that comes late brings nobody back.", async () => {
  const [one, two] = [client({ transport: "cookie" }), client({ transport: "cookie" })];
  await one.logIn(ADA);
  await once(two, "signed-in");
  const late = new BroadcastChannel(`authkit:cookie:${site.origin}/auth/`);
  const { user, session } = one;
  await one.logOut();
  await once(two, "signed-out");
  late.postMessage({ user, session, expires_in: 300 });
  await new Promise((done) => setTimeout(done, 50));
  late.close();
  assert.equal(two.state, "signed-out");
});
