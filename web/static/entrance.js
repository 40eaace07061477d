/** The door: it asks for a token when there is none, or when the one there is is refused. */

import { byId } from "./dom.js";
import * as session from "./session.js";

/** Ask for a token, once at a time; `onentry` is called when one has been given. */
export function entrance(onentry) {
  const dialog = byId("entrance");
  const field = byId("token");
  dialog.addEventListener("close", () => {
    // There is nothing to see without a token: Escape opens the door no further.
    if (!field.value.trim()) return dialog.showModal();
    session.keep(field.value);
    field.value = "";
    onentry();
  });
  return (reason) => {
    session.forget();
    byId("entrance-reason").textContent = reason;
    if (!dialog.open) dialog.showModal();
  };
}

/** Ask whether a link's token may replace the one of this tab; `onentry` is called when it may. */
export function askToReplace(token, onentry) {
  const dialog = byId("replacement");
  dialog.returnValue = "";
  // A later link takes the place of an earlier one.
  dialog.onclose = () => {
    if (dialog.returnValue !== "replace") return;
    session.keep(token);
    onentry();
  };
  if (!dialog.open) dialog.showModal();
}
