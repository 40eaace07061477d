/** The filters that hold, each with a way to take it off. */

import { type TemplateResult, html, nothing } from "lit";
import { isolateName } from "../format/names";
import { navigate, pickMember } from "../state/actions";
import { type State, nameDimension } from "../state/store";
import { cross } from "./icons";

export function filterBar(state: State): TemplateResult | typeof nothing {
  const filters = Object.entries(state.view.filters);
  if (filters.length === 0) return nothing;
  return html`<section class="chips" aria-label="Filters">
    ${filters.flatMap(([dimension, members]) =>
      members.map((member) => html`<button type="button" class="chip" @click=${() => pickMember(dimension, member)}
        aria-label="Take off the filter ${nameDimension(state, dimension)}: ${nameMember(state, dimension, member)}">
        <span class="muted">${nameDimension(state, dimension)}</span> ${isolateName(nameMember(state, dimension, member))}${cross}
      </button>`),
    )}
    <button type="button" class="button quiet" @click=${() => navigate({ filters: {} })}>Clear</button>
  </section>`;
}

/** The name of a member, which a filter has by its id, wherever an answer tells it. */
function nameMember(state: State, dimension: string, member: string): string {
  const account = state.accounts.get(dimension)?.find(({ id }) => id === member);
  if (account) return account.label;
  for (const { widget } of state.tiles.values()) {
    const row = widget?.table?.rows.find(({ id }) => id === member);
    if (row) return row.label;
    const series = widget?.series.find(({ id }) => id === member);
    if (series) return series.name;
  }
  return member;
}
