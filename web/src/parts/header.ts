/** Whose dashboard it is, what days it shows, and what can be done with it. */

import { type TemplateResult, html, nothing } from "lit";
import { readTokenName } from "../api/session";
import { isolateName } from "../format/names";
import { ACCOUNT_DIMENSIONS, leave, navigate, pickMember } from "../state/actions";
import { isRunning, openDrawer } from "../state/live";
import { beginArranging } from "../state/arrangement";
import { type State, nameDimension } from "../state/store";
import { dateControl } from "./datecontrol";
import { chevron, cycle, dots, grid } from "./icons";
import { menu } from "./menu";
import { hasStudio } from "./studio";
import { count, time } from "./text";

export function header(state: State): TemplateResult {
  const isDashboard = state.view.page === "dashboard";
  return html`<header class="masthead">
    <div class="whose">
      <span class="mark" aria-hidden="true"></span>
      <div>
        <h1 class="clip">${nameOwner()}</h1>
        ${accountPicker(state)}
      </div>
    </div>
    ${state.view.page === "connections" ? nothing : dateControl(state)}
    <div class="actions">
      ${freshness(state)}
      ${isDashboard && state.saved !== null && state.arranging === null
        ? html`<button type="button" class="button quiet" id="arrange" @click=${beginArranging}>${grid}<span>Arrange</span></button>`
        : nothing}
      ${menu(dots, "More", [
        isDashboard
          ? { label: "Connections", act: () => navigate({ page: "connections" }) }
          : { label: "Dashboard", act: () => navigate({ page: "dashboard" }) },
        ...(hasStudio(state) && state.view.page !== "studio" ? [{ label: "Studio", act: () => navigate({ page: "studio" }) }] : []),
        { label: "Print or save as PDF", act: () => setTimeout(print) },
        { label: "Sign out", act: () => leave("left") },
      ], "end iconic")}
    </div>
  </header>`;
}

function nameOwner(): string {
  const name = readTokenName();
  return name === null ? "Dashboard" : isolateName(name);
}

function accountPicker(state: State): TemplateResult {
  const members = ACCOUNT_DIMENSIONS.flatMap((dimension) => (state.accounts.get(dimension) ?? []).map((member) => ({ dimension, member })));
  if (members.length === 0) return html`<p class="accounts muted">&nbsp;</p>`;
  const chosen = members.filter(({ dimension, member }) => state.view.filters[dimension]?.includes(member.id));
  const label = chosen.length === 0 ? count(members.length, "account") : chosen.map(({ member }) => isolateName(member.label)).join(", ");
  return html`<details class="menu accounts">
    <summary aria-label="Accounts: ${label}"><span class="clip">${label}</span>${chevron}</summary>
    <div class="panel">
      ${ACCOUNT_DIMENSIONS.filter((dimension) => state.accounts.has(dimension)).map(
        (dimension) => html`<fieldset>
          <legend>${nameDimension(state, dimension)}</legend>
          ${(state.accounts.get(dimension) ?? []).map(
            (member) => html`<label class="choice">
              <input type="checkbox" .checked=${state.view.filters[dimension]?.includes(member.id) ?? false} @change=${() => pickMember(dimension, member.id)}>
              <span>${isolateName(member.label)}</span>
            </label>`,
          )}
        </fieldset>`,
      )}
      <p class="hint">None ticked: all of them.</p>
    </div>
  </details>`;
}

function freshness(state: State): TemplateResult {
  const { job, meta } = state;
  const isBusy = isRunning(job);
  const failed = job !== null && (job.status === "failed" || job.status === "partial");
  const text = isBusy
    ? `Syncing ${Math.round(job.progress * 100)} %`
    : meta?.last_sync_at
      ? `Synced ${time(meta.last_sync_at)}`
      : "Not synced yet";
  return html`<button type="button" class="button quiet fresh ${isBusy ? "busy" : failed ? "bad" : ""}" id="sync-status" aria-haspopup="dialog"
      @click=${openDrawer}>
      ${cycle}<span>${meta === null ? "Sync" : text}</span>
    </button>`;
}
