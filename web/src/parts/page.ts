/** The whole page, drawn of the whole state. */

import { type TemplateResult, html, nothing } from "lit";
import type { State } from "../state/store";
import { arrangeBar } from "./arrange";
import { banner } from "./banner";
import { connectionsPage } from "./connections";
import { door } from "./door";
import { explainDialog } from "./explain";
import { filterBar } from "./filters";
import { header } from "./header";
import { dashboard } from "./sections";
import { hasStudio, studio } from "./studio";
import { syncDrawer } from "./sync";
import { describeWindow } from "./text";
import { viewer } from "./viewer";

export function page(state: State): TemplateResult {
  if (state.door !== null) return door(state.door);
  const isStudio = state.view.page === "studio" && (state.meta === null || hasStudio(state));
  const isDashboard = !isStudio && state.view.page !== "connections";
  return html`
    <a class="skip" href="#main">Skip to the widgets</a>
    ${header(state)}
    ${banner(state)}
    ${isDashboard
      ? html`${filterBar(state)}${arrangeBar(state)}
          <main id="main" tabindex="-1" aria-busy=${state.isLoading}>${dashboard(state)}</main>
          ${viewer(state)}`
      : isStudio
        ? studio(state)
        : connectionsPage(state)}
    ${syncDrawer(state)}
    ${explainDialog(state)}
    <p class="unseen" role="status">${announce(state)}</p>
    <div class="toasts" role="status">${state.toast === null ? nothing : html`<p class="toast">${state.toast}</p>`}</div>
  `;
}

/** What the page has come to, for one who does not see it change. */
function announce(state: State): string {
  const { shown, against } = describeWindow(state);
  if (shown === null || state.isLoading) return "";
  return against === null ? `The widgets show ${shown}` : `The widgets show ${shown} against ${against}`;
}
