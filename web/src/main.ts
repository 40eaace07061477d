/** The page: it opens with the token of the address or of this tab, and then follows what happens. */

import { render } from "lit";
import { followParent } from "./api/embedding";
import { getToken, takeTokenFromAddress } from "./api/session";
import "./parts/chartbox";
import { watchMenus } from "./parts/menu";
import { page } from "./parts/page";
import { applyView, enter, followAddress, open } from "./state/actions";
import { follow } from "./state/live";
import { change, getState, onChange } from "./state/store";
import { describeWindow } from "./parts/text";

const root = document.getElementById("page");
if (root === null) throw new Error("The document has no place for the page.");

onChange((state) => {
  render(page(state), root);
  const { shown } = describeWindow(state);
  document.title = [shown, "Dashboard"].filter(Boolean).join(" · ");
  // What changes is heard of once the first numbers stand, or were refused.
  if (state.catalog !== null && state.door === null && (state.shown !== null || !state.isLoading)) follow();
});

/** Take the token of the address; where it is another than this tab's, ask first. */
function takeToken(): boolean {
  const offered = takeTokenFromAddress();
  if (offered !== null) change({ door: { reason: "new", offered } });
  return offered === null;
}

watchMenus();
followParent((token) => {
  if (token.trim() !== getToken() || getState().door !== null) enter(token);
});
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll<HTMLDetailsElement>(".insights > details")) details.open = true;
});
addEventListener("popstate", followAddress);
addEventListener("hashchange", () => {
  if (location.hash.startsWith("#token=") && takeToken()) void open();
});
// In a turn of its own: reading these scripts has taken long enough.
setTimeout(() => {
  if (takeToken()) void open().then(() => getState().view.page === "connections" && applyView(getState().view));
  change({});
});
