/** What a number rests on: its meaning, its definition with the place, the statements, the days that are known. */

import { type TemplateResult, html, nothing } from "lit";
import type { Explanation } from "../api/client";
import { cleanName } from "../format/names";
import { type ExplainState, type State, change, findEntry } from "../state/store";
import { cross } from "./icons";
import { range } from "./text";
import { showModal } from "./modal";

export function explainDialog(state: State): TemplateResult | typeof nothing {
  const { explain } = state;
  if (explain === null) return nothing;
  const entry = findEntry(state, explain.key);
  return html`<dialog class="card explain" aria-labelledby="explain-title" ${showModal(() => change({ explain: null }))}>
    <div class="head"><h2 id="explain-title">${cleanName(entry?.title ?? explain.key)}</h2>
      <button type="button" class="button quiet iconic" aria-label="Close" @click=${() => change({ explain: null })}>${cross}</button></div>
    <p>${entry?.description}</p>
    ${content(explain)}
  </dialog>`;
}

function content({ explanation, problem }: ExplainState): TemplateResult {
  if (problem !== null) return html`<p class="error" role="alert">${problem}</p>`;
  if (explanation === null) return html`<div class="bone" aria-hidden="true"></div>`;
  return receipt(explanation);
}

function receipt({ definition, uses, query, statements, extent, data_through: through, id }: Explanation): TemplateResult {
  return html`
    <dl>
      <div><dt>Days</dt><dd>${range(query.start, query.end)}</dd></div>
      <div><dt>Data through</dt><dd>${through === null ? "nothing is known" : range(through, through)}</dd></div>
      ${extent.map(({ table, first, through: last }) => html`<div><dt><code>${table}</code></dt><dd>${first !== null && last !== null ? range(first, last) : "no rows"}</dd></div>`)}
      <div><dt>Definition</dt><dd><code>${definition.hash}</code></dd></div>
      <div><dt>Receipt</dt><dd><code>${id}</code></dd></div>
    </dl>
    <h3>Definition <span class="muted">${definition.file === null ? "" : `${definition.file}:${definition.line}`}</span></h3>
    <pre tabindex="0">${definition.text}</pre>
    ${uses.map(({ table, metric, file, line, text }) => html`<details><summary>${table ?? metric} <span class="muted">${file}:${line}</span></summary><pre tabindex="0">${text}</pre></details>`)}
    ${statements.map(({ table, statement, parameters }) => html`<h3>SQL <span class="muted">of ${table}</span></h3><pre tabindex="0">${statement}</pre>
      <p class="hint">${Object.entries(parameters).map(([name, value]) => `${name} = ${JSON.stringify(value)}`).join(", ")}</p>`)}
  `;
}
