// Logs in with a proof as an app would, with npm's dpop, and calls the API with npm's oauth4webapi.
// Reads {url, view, username, password, algorithm} from standard input and prints what happened.

import { generateKeyPair, generateProof } from "dpop";
import * as oauth from "oauth4webapi";

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const { url, view, username, password, algorithm } = JSON.parse(Buffer.concat(chunks));
const keys = await generateKeyPair(algorithm);
let nonce;

async function exchange(path, body) {
  for (let attempt = 0; ; attempt++) {
    const address = url + path;
    const response = await fetch(address, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "X-Authkit-Transport": "header",
        DPoP: await generateProof(keys, address, "POST", nonce),
      },
      body: JSON.stringify(body),
    });
    nonce = response.headers.get("DPoP-Nonce") ?? nonce;
    const answer = await response.json();
    if (response.status === 400 && answer.error === "use_dpop_nonce" && attempt === 0) continue;
    return { status: response.status, ...answer };
  }
}

const client = { client_id: "app" };

async function call(access, pair) {
  const DPoP = oauth.DPoP(client, pair);
  const request = () =>
    oauth.protectedResourceRequest(access, "GET", new URL(url + view), undefined, undefined, {
      DPoP,
      [oauth.allowInsecureRequests]: true,
    });
  let challenges = 0;
  try {
    try {
      return { status: (await request()).status, challenges };
    } catch (error) {
      if (!oauth.isDPoPNonceError(error)) throw error;
      challenges++;
      return { status: (await request()).status, challenges };
    }
  } catch (error) {
    const [challenge] = error.cause;
    return { status: error.response.status, challenges, ...challenge.parameters, scheme: challenge.scheme };
  }
}

const login = await exchange("/auth/login/", { username, password });
const first = await call(login.access, keys);
const renewed = await exchange("/auth/refresh/", { refresh: login.refresh ?? login.access });
const second = await call(renewed.access, keys);
const thief = await call(renewed.access, await generateKeyPair(algorithm));
const types = [login.token_type, renewed.token_type];
console.log(JSON.stringify({ statuses: [login.status, renewed.status], types, first, second, thief }));
