/** A figure at a glance: value, change, target and the line of its days; a click makes it the large chart. */

import { type TemplateResult, html } from "lit";
import type { Entry } from "../api/client";
import { cleanName } from "../format/names";
import { chooseTrend } from "../state/actions";
import { type State, findTrend } from "../state/store";
import { glance } from "./figures";
import { isOld, missing, tags } from "./tile";

export function headlineTile(state: State, entry: Entry): TemplateResult {
  const found = state.tiles.get(entry.key);
  const title = cleanName(entry.title);
  const isTrend = findTrend(state) === entry.key;
  const widget = found?.widget ?? null;
  return html`<article class="card headline ${isOld(state, found) ? "old" : ""} ${isTrend ? "chosen" : ""}" data-key=${entry.key}>
    <button type="button" class="cover" aria-pressed=${isTrend} aria-label="${title}: show it large" title=${entry.description} @click=${() => chooseTrend(entry.key)}></button>
    <header><h3 class="clip">${title}</h3></header>
    ${found === undefined
      ? html`<div class="bone" aria-hidden="true"></div>`
      : widget === null
        ? html`<p class="empty">${found.problem}</p>`
        : widget.series.length === 0
          ? missing(state, entry, widget)
          : glance(widget, tags(state, found))}
  </article>`;
}
