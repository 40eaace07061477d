/** The drawer of syncs: what was read of each source and account, what could not be, and what to do about it. */

import { type TemplateResult, html, nothing } from "lit";
import type { Schemas, SyncJob } from "../api/client";
import { cleanName, humanizeName } from "../format/names";
import { navigate } from "../state/actions";
import { cancelJob, isRunning, syncNow } from "../state/live";
import { type State, change, nameSource } from "../state/store";
import { cross, cycle } from "./icons";
import { count, time } from "./text";

export function syncDrawer(state: State): TemplateResult | typeof nothing {
  if (!state.isDrawerOpen) return nothing;
  const { job, meta } = state;
  const close = () => {
    change({ isDrawerOpen: false });
    document.getElementById("sync-status")?.focus();
  };
  return html`<section class="drawer card" role="dialog" aria-labelledby="sync-title" tabindex="-1" @keydown=${(event: KeyboardEvent) => event.key === "Escape" && close()}>
    <div class="head"><h2 id="sync-title">Sync</h2><button type="button" class="button quiet iconic" aria-label="Close" @click=${close}>${cross}</button></div>
    <p class="muted">${meta?.last_sync_at ? `Last read ${time(meta.last_sync_at)}.` : "Nothing has been read yet."}
      ${meta?.next_scheduled_at ? ` Next ${time(meta.next_scheduled_at)}.` : ""}</p>
    ${isRunning(job)
      ? html`<div class="row"><progress max="1" .value=${job.progress} aria-label="Progress of the sync"></progress>
          <button type="button" class="button" @click=${cancelJob}>Cancel</button></div>`
      : html`<button type="button" class="button primary" id="sync-now" @click=${syncNow}>${cycle}Sync now</button>`}
    ${job === null ? nothing : jobReport(state, job)}
  </section>`;
}

function jobReport(state: State, job: SyncJob): TemplateResult {
  const sources = Object.entries(job.sources);
  return html`<div class="report" aria-live="polite">
    ${job.detail === null ? nothing : html`<p>${job.detail}</p>`}
    ${sources.map(([source, found]) => html`<section>
      <h3>${nameSource(state, source)} ${statusTag(found.status)}</h3>
      ${found.error === null || Object.keys(found.accounts).length > 0 ? nothing : html`<p class="error">${found.error}</p>`}
      <ul>${Object.entries(found.accounts).map(([account, each]) => accountLine(state, source, account, each))}</ul>
    </section>`)}
  </div>`;
}

function accountLine(state: State, source: string, account: string, found: Schemas["SyncAccount"]): TemplateResult {
  const status = state.connections?.find((each) => each.source === source && each.account_id === account)?.status;
  const skipped = Object.entries(found.skipped).map(([reason, rows]) => `${rows} passed over (${reason.replaceAll("_", " ")})`);
  return html`<li>
    <span class="clip">${cleanName(account)}</span>
    <span class="muted">${count(found.rows, "row")}${skipped.length > 0 ? `, ${skipped.join(", ")}` : ""}</span>
    ${statusTag(found.status)}
    ${found.error === null ? nothing : html`<p class="error">${found.error}</p>`}
    ${(found.notes ?? []).map((note) => html`<p class="hint">${note}</p>`)}
    ${status === "needs_reauth"
      ? html`<button type="button" class="button" @click=${() => {
          change({ isDrawerOpen: false });
          navigate({ page: "connections" });
        }}>Reconnect</button>`
      : nothing}
  </li>`;
}

const TONES: Record<string, string> = { succeeded: "good", failed: "bad", partial: "warn" };
const statusTag = (status: string): TemplateResult => html`<span class="tag ${TONES[status] ?? ""}">${humanizeName(status)}</span>`;
