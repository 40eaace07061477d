/** What happened, in sentences, in a column of its own that keeps its place while they are written. */

import { type TemplateResult, html, nothing } from "lit";
import { refreshInsights } from "../state/actions";
import { type State } from "../state/store";
import { spark } from "./icons";

export function insights(state: State): TemplateResult {
  const found = state.insights;
  const items = found?.list?.items ?? [];
  return html`<aside class="insights" aria-label="Insights" aria-busy=${found === null || (found.list === null && !found.failed)}>
    <details ?open=${!matchMedia("(max-width: 60rem)").matches}>
      <summary><h2>${spark}Insights</h2></summary>
      <div class="sentences" tabindex="0" role="region" aria-label="What happened">
        ${found?.failed
          ? html`<p class="empty">They could not be written. <button type="button" class="link" @click=${refreshInsights}>Try again</button></p>`
          : found?.list
            ? items.length === 0
              ? html`<p class="empty">Nothing of these days stands out.</p>`
              : items.map(({ group, bullets }) => html`<h3>${group}</h3><ul>${bullets.map((bullet) => html`<li>${bullet}</li>`)}</ul>`)
            : html`<div class="lines" aria-hidden="true">${[92, 98, 60, 88, 95, 40].map((width) => html`<span class="bone w${width}"></span>`)}</div>`}
      </div>
      ${found?.list?.meta.generated_by === "llm" ? html`<p class="hint">Sentences arranged by a language model; every figure is computed.</p>` : nothing}
    </details>
  </aside>`;
}
