// How an application uses the types. It is compiled, never run.

import { AuthKit, AuthKitError, type Device } from "../../django_authkit/static/django_authkit/authkit.js";

interface Me {
  readonly id: number;
  readonly username: string;
  readonly [member: string]: unknown;
}

const auth = new AuthKit<Me>({ base: "/auth/", api: [new URL("https://api.example/")], csrf: null, name: "a" });

auth.addEventListener("signed-out", ({ detail }) => detail.reason.length);
auth.addEventListener("signed-in", function ({ detail }) {
  const name: string = detail.user.username;
  this.fetch(`/of/${name}`);
});

// @ts-expect-error: who is logged in is for the server to say
auth.state = "signed-in";
// @ts-expect-error: there are two transports
new AuthKit({ transport: "pigeon" });

export async function use(): Promise<void> {
  const me: Me | null = await auth.start();
  const devices: Device[] = await auth.sessions();
  const ticket: string = await auth.ticket();
  const answer: Response = await auth.fetch("/api/notes/", { method: "POST", body: devices[0].label });
  try {
    await auth.reauthenticate({ word: "swordfish" });
  } catch (error) {
    if (error instanceof AuthKitError) error.retryAfter?.toFixed(error.status + answer.status);
  }
  me?.username.trim();
  new WebSocket("wss://example.com/ws/", [`authkit.ticket.${ticket}`]);
}
