// The dialog that asks for a password: to open a device, and to re-authenticate.

import { byId, slot } from "./dom.js";
import { explain } from "./reasons.js";

const dialog = byId("door");
const form = byId("door-form");
const error = byId("door-error");

/**
 * Ask for credentials and call `enter` with them, until it accepts them.
 *
 * @returns True if it did; false if the dialog was canceled.
 */
export function ask({ title, about, go, username, password = "", enter }) {
  byId("door-title").textContent = title;
  byId("door-about").textContent = about;
  byId("door-go").textContent = go;
  slot(form, "name-field").hidden = username === undefined;
  form.username.value = username ?? "";
  form.password.value = password;
  error.hidden = true;
  dialog.showModal();
  (username === undefined || username ? form.password : form.username).focus();
  return new Promise((resolve) => {
    const left = new AbortController();
    const close = (taken) => {
      left.abort();
      form.password.value = "";
      dialog.close();
      resolve(taken);
    };
    const listen = (place, event, act) => place.addEventListener(event, act, { signal: left.signal });
    listen(dialog, "cancel", () => close(false));
    listen(byId("door-cancel"), "click", () => close(false));
    listen(form, "submit", async (event) => {
      event.preventDefault();
      error.hidden = true;
      byId("door-go").disabled = true;
      try {
        await enter({ username: form.username.value, password: form.password.value });
        close(true);
      } catch (problem) {
        error.textContent = explain(problem);
        error.hidden = false;
        form.password.select();
      } finally {
        byId("door-go").disabled = false;
      }
    });
  });
}
