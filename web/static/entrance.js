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
