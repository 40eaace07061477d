/** One widget on the whole screen. */

import { type TemplateResult, html, nothing } from "lit";
import { cleanName } from "../format/names";
import { navigate } from "../state/actions";
import { type State, findEntry } from "../state/store";
import { cross } from "./icons";
import { showModal } from "./modal";
import { describeWindow } from "./text";
import { card } from "./tile";

export function viewer(state: State): TemplateResult | typeof nothing {
  const entry = state.view.open === null ? undefined : findEntry(state, state.view.open);
  if (entry === undefined) return nothing;
  const close = () => navigate({ open: null });
  const { shown, against } = describeWindow(state);
  return html`<dialog class="viewer" aria-label=${cleanName(entry.title)} ${showModal(close)}>
    <p class="muted">${shown}${against === null ? nothing : html` against ${against}`}
      <button type="button" class="button quiet iconic" aria-label="Back to the dashboard" @click=${close}>${cross}</button></p>
    ${card(state, entry, { large: true })}
  </dialog>`;
}
