/** What is wrong, said once for the whole page. */

import { type TemplateResult, html, nothing } from "lit";
import { retryNow } from "../state/actions";
import { type State, change } from "../state/store";
import { cross, warning } from "./icons";
import { describeWindow } from "./text";

export function banner(state: State): TemplateResult {
  const { banner: found } = state;
  return html`<div class="banners" role="status">
    ${found === null ? stale(state) : html`<div class="banner">
      ${warning}
      <p><strong>${found.text}</strong> ${keeping(state)} ${found.retries ? "Trying again by itself." : nothing}</p>
      ${found.retries ? html`<button type="button" class="button" @click=${retryNow}>Try now</button>` : nothing}
      <button type="button" class="button quiet iconic" aria-label="Close" @click=${() => change({ banner: null })}>${cross}</button>
    </div>`}
    ${state.rejected > 0 ? html`<div class="banner calm">${warning}<p>The metric files hold a mistake. The page shows the last version that was right.</p></div>` : nothing}
  </div>`;
}

function keeping(state: State): string {
  const { shown } = describeWindow(state);
  return shown === null ? "" : `The page still shows ${shown}.`;
}

function stale({ tiles }: State): TemplateResult | typeof nothing {
  if (![...tiles.values()].some(({ widget }) => widget?.meta.stale === true)) return nothing;
  return html`<div class="banner calm">${warning}<p>The database is away. These are the last numbers that are known.</p>
    <button type="button" class="button" @click=${retryNow}>Try now</button></div>`;
}
