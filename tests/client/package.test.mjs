// What is served and published: small, without dependencies, described by its types, from one source.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { AuthKit, AuthKitError, FOLDER, source } from "./module.mjs";

const PACKAGE = new URL("../../packages/authkit-js/", import.meta.url);
const types = readFileSync(new URL("authkit.d.ts", FOLDER), "utf8");

const HERE = fileURLToPath(new URL(".", import.meta.url));
const compiler = `${HERE}node_modules/typescript/bin/tsc`;
const hasCompiler = existsSync(compiler);

const hasNpm = (() => {
  try {
    execFileSync("npm", ["--version"]);
    return true;
  } catch {
    return false;
  }
})();

test("The file as it is served has less than 5200 bytes when gzipped.", () => {
  const size = gzipSync(source, { level: 6 }).length;
  assert.ok(size < 5200, `${size} bytes`);
});

test("It imports nothing, and keeps nothing in storage but a key that cannot be exported.", () => {
  assert.equal(source.match(/\bimport\b|require\(|localStorage|sessionStorage|cookie\s*=/), null);
  assert.deepEqual(source.match(/indexedDB.*|\.add\(.*|generateKey\(.*/g), [
    'generateKey(ES256, false, ["sign"]);',
    "indexedDB.open(name);",
    ".add(made, 0)).catch(quietly); // another tab may have been first",
  ]);
});

test("The types name exactly what the classes have.", () => {
  const declared = (name) => {
    const body = types.split(new RegExp(`export class ${name}\\b.*\\{\\n`))[1].split("\n}")[0];
    const members = [...body.matchAll(/^  (?:readonly )?(\w+)\??[(:<]/gm)].map(([, member]) => member);
    return new Set(members.filter((member) => !/constructor|EventListener/.test(member)));
  };
  const auth = new AuthKit({ base: "http://127.0.0.1/auth/" });
  auth.close();
  const methods = Object.getOwnPropertyNames(AuthKit.prototype).filter((name) => name !== "constructor");
  assert.deepEqual(new Set([...methods, ...Object.keys(auth)]), declared("AuthKit"));
  assert.deepEqual(new Set(Object.keys(new AuthKitError(0))), declared("AuthKitError"));
  const options = types.split("interface Options {")[1].split("\n}")[0].matchAll(/^  (\w+)\?:/gm);
  const taken = source.match(/constructor\(\{ (.*) \} = \{\}\)/)[1].match(/\w+(?=\s*(=|,|$))/g).filter((n) => isNaN(n));
  for (const [, option] of options) assert.ok(taken.includes(option), option);
});

test("The types are good TypeScript, and an application compiles with them.", { skip: !hasCompiler && "run npm install" }, () => {
  const strict = ["--strict", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom,dom.iterable"];
  execFileSync(process.execPath, [compiler, "--noEmit", ...strict, "use.ts"], { cwd: HERE, stdio: "inherit" });
});

test("The package has the version of the Python package.", () => {
  const { version } = JSON.parse(readFileSync(new URL("package.json", PACKAGE), "utf8"));
  const python = readFileSync(new URL("../../django_authkit/__init__.py", import.meta.url), "utf8");
  assert.equal(version, python.match(/__version__ = "(.+)"/)[1]);
});

test("npm packs the files as they are served, and leaves no copy behind.", { skip: !hasNpm && "no npm" }, () => {
  const cwd = fileURLToPath(PACKAGE);
  const [packed] = JSON.parse(execFileSync("npm", ["pack", "--dry-run", "--json"], { cwd, encoding: "utf8" }));
  const files = packed.files.map(({ path }) => path).sort();
  assert.deepEqual(files, ["LICENSE", "README.md", "authkit.d.ts", "authkit.js", "package.json"]);
  assert.equal(packed.files.find(({ path }) => path === "authkit.js").size, Buffer.byteLength(source));
  assert.throws(() => readFileSync(new URL("authkit.js", PACKAGE)), { code: "ENOENT" });
});
