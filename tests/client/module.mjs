// The client as it is served. No package.json says that the file is a module, so it is imported by its text.

import { readFileSync } from "node:fs";

export const FOLDER = new URL("../../django_authkit/static/django_authkit/", import.meta.url);
export const source = readFileSync(new URL("authkit.js", FOLDER), "utf8");
export const { AuthKit, AuthKitError } = await import(`data:text/javascript,${encodeURIComponent(source)}`);
