/** The studio: metric files on the left, and on the right what their unsaved texts change. Loaded on demand. */

import { type TemplateResult, html, nothing } from "lit";
import { guard } from "lit/directives/guard.js";
import { repeat } from "lit/directives/repeat.js";
import { plus, tick, undo, warning } from "../parts/icons";
import { count, range } from "../parts/text";
import { type State, say } from "../state/store";
import { buildQuestion } from "../state/view";
import { YamlEditor } from "./editor";
import { previewList } from "./preview";
import type { Fault } from "./server";
import { styles } from "./styles";
import {
  type Workbench,
  chooseFile,
  findFile,
  followCatalog,
  followQuestion,
  getBench,
  getText,
  listFaults,
  openBench,
  revertDraft,
  saveDrafts,
  settleConflict,
  writeDraft,
} from "./workbench";

if (styles.styleSheet) document.adoptedStyleSheets = [...document.adoptedStyleSheets, styles.styleSheet];

const findEditor = (): YamlEditor | null => document.querySelector("yaml-editor");

export function studioPage(state: State): TemplateResult {
  openBench();
  followCatalog(state.catalog, state.rejected);
  followQuestion();
  const bench = getBench();
  return html`<main class="studio" id="main" tabindex="-1">
    <h2 class="unseen">Studio</h2>
    ${bench === null ? html`<div class="bone"></div><div class="bone"></div>` : html`${editorPane(bench)}${previewPane(state, bench)}`}
  </main>`;
}

function editorPane(bench: Workbench): TemplateResult {
  const file = findFile(bench, bench.active);
  const text = getText(bench, bench.active);
  queueMicrotask(() => showFile(bench));
  return html`<section class="card editing" aria-label="Metric files">
    <header>
      <nav aria-label="Files">
        ${repeat(bench.files, ({ name }) => name, ({ name }) => fileTab(bench, name))}
      </nav>
      <div class="tools" role="group" aria-label="This file">
        ${file?.kind === "metrics" ? html`<button type="button" class="button quiet" id="new-widget" @click=${addWidget}>${plus}New widget</button>` : nothing}
        ${bench.drafts.has(bench.active) ? html`<button type="button" class="button quiet" @click=${revertDraft}>${undo}Revert</button>` : nothing}
        <button type="button" class="button primary" id="save" ?disabled=${bench.drafts.size === 0 || bench.isSaving} @click=${saveDrafts}>${nameSaving(bench)}</button>
      </div>
    </header>
    ${conflict(bench)}
    <div class="sheet">${guard([bench.files.length], () => html`<yaml-editor data-file=${bench.active}></yaml-editor>`)}</div>
    ${verdict(bench, text)}
  </section>`;
}

/** Give the editor what the state has; it is no template, and keeps its own cursor. */
function showFile({ active }: Workbench): void {
  const [bench, editor] = [getBench(), findEditor()];
  const file = bench === null ? undefined : findFile(bench, active);
  if (bench === null || editor === null || file === undefined) return;
  editor.onDraft = writeDraft;
  editor.onSave = () => void saveDrafts();
  editor.show(file, getText(bench, active), bench.language);
  editor.mark(listFaults(bench, active));
}

function fileTab(bench: Workbench, name: string): TemplateResult {
  const isDirty = bench.drafts.has(name);
  const errors = listFaults(bench, name).length;
  return html`<button type="button" class="tab ${isDirty ? "dirty" : ""}" aria-current=${name === bench.active ? "true" : nothing} @click=${() => chooseFile(name)}>
    ${name}${isDirty ? html`<span class="dot" aria-hidden="true"></span><span class="unseen">, not saved</span>` : nothing}
    ${errors > 0 ? html`<span class="tag bad" aria-label=${count(errors, "problem")}>${errors}</span>` : nothing}
  </button>`;
}

const nameSaving = ({ drafts, isSaving }: Workbench): string =>
  isSaving ? "Saving…" : drafts.size > 1 ? `Save ${count(drafts.size, "file")}` : drafts.size === 1 ? `Save ${[...drafts.keys()].join()}` : "Saved";

const conflict = ({ theirs }: Workbench): TemplateResult | typeof nothing =>
  theirs === null
    ? nothing
    : html`<div class="banner" role="alert">${warning}
        <p><strong>${theirs.name} has changed on disk</strong> since you opened it. Nothing is saved yet.</p>
        <button type="button" class="button" @click=${() => settleConflict(false)}>Take theirs</button>
        <button type="button" class="button primary" @click=${() => settleConflict(true)}>Keep mine</button>
      </div>`;

/** What `validate` says of all files, the one that is open first. */
function verdict(bench: Workbench, text: string): TemplateResult {
  const { check, active } = bench;
  const faults = [...(check?.diagnostics ?? [])].sort((a, b) => Number(b.file === active) - Number(a.file === active));
  return html`<footer class="verdict">
    <p class="summary ${faults.length > 0 || check?.reason ? "bad" : ""}" role="status">
      ${check === null
        ? html`<span class="muted">Checking…</span>`
        : faults.length > 0
          ? html`${warning}<strong>${count(faults.length, "problem")}</strong>`
          : check.reason !== null
            ? html`${warning}<strong>${check.reason}</strong>`
            : html`${tick}<span>No problems</span>`}
    </p>
    <p class="hint keys"><kbd>Ctrl</kbd> <kbd>Space</kbd> completes · <kbd>Esc</kbd> <kbd>Tab</kbd> leaves the editor · ${count(text.split("\n").length, "line")}</p>
    ${faults.length === 0 ? nothing : html`<ul>${faults.map((fault) => faultLine(bench, fault))}</ul>`}
  </footer>`;
}

function faultLine({ active }: Workbench, fault: Fault): TemplateResult {
  const go = (): void => {
    if (fault.file !== active) chooseFile(fault.file);
    setTimeout(() => findEditor()?.goTo(fault));
  };
  return html`<li><button type="button" class="fault ${fault.severity}" @click=${go}>
    <code>${fault.file === active ? "" : `${fault.file}:`}${fault.line}:${fault.column}</code>
    <span>${fault.metric === null ? nothing : html`<code>${fault.metric}</code> `}${fault.message}</span>
  </button></li>`;
}

function addWidget(): void {
  if (findEditor()?.insertWidget() !== true) say("This file has no block of metrics to add to; open another one.");
}

function previewPane(state: State, bench: Workbench): TemplateResult {
  const { preview, check } = bench;
  const { start, end } = buildQuestion(state.view, state.lastDay);
  const isPast = check !== null && !check.valid;
  const changes = preview?.changes.length ?? 0;
  return html`<section class="previews ${isPast ? "past" : ""}" aria-label="What changes" aria-busy=${bench.isChecking}>
    <header>
      <h2>${changes === 0 ? "What your text changes" : count(changes + (preview?.left_out.length ?? 0), "widget changes", "widgets change")}</h2>
      <p class="muted">${start && end ? range(start, end) : nothing}${bench.seconds === null || changes === 0 ? nothing : html` · <span title="From the key to the picture">${bench.seconds.toLocaleString(undefined, { maximumFractionDigits: 2 })} s</span>`}</p>
    </header>
    ${isPast && changes > 0 ? html`<p class="hint">As of the last text without a problem.</p>` : nothing}
    ${preview === null || changes === 0 ? invitation(bench, isPast) : previewList(preview, isPast ? [] : bench.tests)}
  </section>`;
}

const invitation = (bench: Workbench, isPast: boolean): TemplateResult => html`<div class="nobody">
  <h3>${isPast ? "The text has a problem" : "Nothing has changed yet"}</h3>
  <p>${isPast
    ? "It is underlined on the left. As soon as it is mended, the widgets that change stand here."
    : "Type in a metric file. Each widget that changes stands here, before and after, with the numbers of the account that is open. Nothing is written until you save."}</p>
  ${isPast || findFile(bench, bench.active)?.kind !== "metrics"
    ? nothing
    : html`<button type="button" class="button primary" @click=${addWidget}>${plus}Begin a new widget</button>
        <p class="hint">Type its key, <kbd>Tab</kbd>, its title, <kbd>Tab</kbd>, its value: names are offered as you type. <kbd>Ctrl</kbd> <kbd>S</kbd> saves.</p>`}
</div>`;

