// The code of docs/how-to/frameworks.md, run as it is printed there, with the real React and Vue: npm install first.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { afterEach, before, beforeEach, test } from "node:test";
import { source } from "./module.mjs";
import { Site, refuse } from "./server.mjs";

const HERE = new URL("./", import.meta.url);
const MODULES = new URL("node_modules/", HERE);
const skip = !existsSync(new URL("react", MODULES)) && "run npm install";
const page = readFileSync(new URL("../../docs/how-to/frameworks.md", HERE), "utf8");

/** The blocks of code of one part of the page, by the file that their first line names. */
function blocks(heading) {
  const part = page.split(`\n## ${heading}`)[1].split("\n## ")[0];
  const found = [...part.matchAll(/```\w+\n\/\/ (\S+)\n(.*?)```/gs)];
  return Object.fromEntries(found.map(([, name, code]) => [name, code]));
}

/** What the frameworks and the code on the page look for in a browser. */
const GLOBALS = ["window", "document", "location", "navigator", "FormData", "Element", "SVGElement", "MathMLElement"];

const auth = page.match(/```javascript\n\/\/ auth\.js\n(.*?)```/s)[1];
let site, folder, number = 0;

before(async () => {
  if (skip) return;
  const published = new URL("django-authkit/", MODULES);
  mkdirSync(published, { recursive: true });
  writeFileSync(new URL("package.json", published), '{ "type": "module", "exports": "./authkit.js" }');
  writeFileSync(new URL("authkit.js", published), source);
});

beforeEach(async () => {
  if (skip) return;
  site = await Site.open();
  const { Window } = await import("happy-dom");
  const window = new Window({ url: `${site.origin}/` });
  for (const name of GLOBALS)
    Object.defineProperty(globalThis, name, { configurable: true, value: name === "window" ? window : window[name] });
  folder = new URL(`.run-${process.pid}-${(number += 1)}/`, MODULES);
  mkdirSync(folder);
});

afterEach(async () => {
  if (skip) return;
  (await import(new URL("auth.js", folder))).auth.close();
  rmSync(folder, { recursive: true });
  for (const name of GLOBALS) delete globalThis[name];
  await site.close();
});

async function save(files) {
  const { transform } = await import("esbuild");
  writeFileSync(new URL("package.json", folder), '{ "type": "module" }');
  for (const [name, code] of Object.entries({ "auth.js": auth, ...files })) {
    const compiled = await transform(code, { loader: "jsx", jsx: "automatic" });
    writeFileSync(new URL(name.replace(/jsx$/, "js"), folder), compiled.code);
  }
}

const shown = () => document.body.textContent;
async function until(condition) {
  for (let tries = 0; !condition(); tries += 1) {
    assert.ok(tries < 500, `the page shows: ${shown()}`);
    await new Promise((done) => setTimeout(done, 10));
  }
}

async function submit(username, password) {
  document.querySelector("[name=username]").value = username;
  document.querySelector("[name=password]").value = password;
  document.querySelector("button").click();
}

test("The React page shows the login form, who is logged in, and the form again after a revocation.", { skip }, async () => {
  await save(blocks("React"));
  const [{ createElement }, { createRoot }, { App }] = await Promise.all([
    import("react"),
    import("react-dom/client"),
    import(new URL("app.js", folder)),
  ]);
  const { auth } = await import(new URL("auth.js", folder));
  document.body.innerHTML = "<main></main>";
  const root = createRoot(document.querySelector("main"));
  root.render(createElement(App));
  await until(() => document.querySelector("[name=password]"));
  await submit("ada", "wrong");
  await until(() => shown().includes("Name or password is wrong."));
  await submit("ada", "right");
  await until(() => shown().includes("Hello, ada."));
  assert.equal((await auth.fetch(`${site.origin}/api/notes/`)).status, 200);
  site.revoke();
  assert.equal((await auth.fetch(`${site.origin}/api/notes/`)).status, 401);
  await until(() => document.querySelector("[name=password]"));
  await submit("ada", "right");
  await until(() => shown().includes("Hello, ada."));
  document.querySelector("button").click();
  await until(() => document.querySelector("[name=password]"));
  root.unmount();
});

test("The React page says what is wrong if the server does not answer.", { skip }, async () => {
  site.once("/auth/session/", (entry, response) => refuse(response, 503, "store_unavailable"), 10);
  await save(blocks("React"));
  const { createElement } = await import("react");
  const { createRoot } = await import("react-dom/client");
  const { App } = await import(new URL("app.js", folder));
  const root = createRoot(document.body);
  root.render(createElement(App));
  await until(() => shown().includes("store_unavailable"));
  root.unmount();
});

/** The app of the Vue page, whose modules are in this folder alone. */
async function vueApp() {
  await save(blocks("Vue"));
  const vue = new URL("vue/dist/vue.esm-bundler.js", MODULES).href;
  for (const name of ["app.js", "use-auth.js"]) {
    const file = new URL(name, folder);
    writeFileSync(file, readFileSync(file, "utf8").replace('from "vue"', `from "${vue}"`));
  }
  return (await import(new URL("app.js", folder))).app;
}

test("The Vue page says what is wrong if the server does not answer.", { skip }, async () => {
  site.once("/auth/session/", (entry, response) => refuse(response, 503, "store_unavailable"), 10);
  const app = await vueApp();
  document.body.innerHTML = "<main></main>";
  app.mount(document.querySelector("main"));
  await until(() => shown().includes("store_unavailable"));
  app.unmount();
});

test("The Vue page shows who is logged in, and notices a revocation.", { skip }, async () => {
  const app = await vueApp();
  const { auth } = await import(new URL("auth.js", folder));
  document.body.innerHTML = "<main></main>";
  app.mount(document.querySelector("main"));
  await until(() => shown().includes("Please log in."));
  await auth.logIn({ username: "ada", password: "right" });
  await until(() => shown().includes("Hello, ada."));
  site.revoke();
  await auth.fetch(`${site.origin}/api/notes/`);
  await until(() => shown().includes("Please log in."));
  await auth.logIn({ username: "ada", password: "right" });
  await until(() => shown().includes("Hello, ada."));
  document.querySelector("button").click();
  await until(() => shown().includes("Please log in."));
  app.unmount();
});

test("A server that renders learns who the cookies belong to, and leaves a refresh to the browser.", { skip }, async () => {
  await save(blocks("Next.js"));
  const { currentUser } = await import(new URL("current-user.js", folder));
  const received = new Headers({ cookie: "a=b", "user-agent": "Firefox", "x-forwarded-for": "192.0.2.1", accept: "x" });
  assert.equal(await currentUser(received, site.origin), null);
  const { auth } = await import(new URL("auth.js", folder));
  await auth.logIn({ username: "ada", password: "right" });
  assert.equal((await currentUser(received, site.origin)).username, "ada");
  const { headers } = site.to("/auth/session/").at(-1);
  assert.deepEqual([headers.cookie, headers["user-agent"], headers["x-forwarded-for"]], ["a=b", "Firefox", "192.0.2.1"]);
  site.expire();
  assert.equal(await currentUser(received, site.origin), undefined);
  site.revoke();
  assert.equal(await currentUser(received, site.origin), null);
  site.once("/auth/session/", (entry, response) => refuse(response, 503, "store_unavailable"));
  await assert.rejects(currentUser(received, site.origin), /503/);
});
