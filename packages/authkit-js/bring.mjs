// Brings the files of the Python package here for as long as npm packs them: there is one source, and no copy of it.

import { copyFileSync, rmSync } from "node:fs";

const SOURCES = {
  "authkit.js": "../../django_authkit/static/django_authkit/",
  "authkit.d.ts": "../../django_authkit/static/django_authkit/",
  LICENSE: "../../",
};
for (const [name, folder] of Object.entries(SOURCES)) {
  const here = new URL(name, import.meta.url);
  if (process.argv.includes("--away")) rmSync(here, { force: true });
  else copyFileSync(new URL(folder + name, import.meta.url), here);
}
