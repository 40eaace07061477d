/** The page of connections: what feeds the dashboard, and how it is connected, again or no longer. */

import { type TemplateResult, html, nothing } from "lit";
import { type Connection, ProblemError, connectAccount, disconnectAccount } from "../api/client";
import { cleanName, humanizeName } from "../format/names";
import { learnAccounts, learnConnections, leave, navigate, askAgain, renewSources } from "../state/actions";
import { syncSoon } from "../state/live";
import { type State, change, getState, nameSource, say } from "../state/store";
import { back } from "./icons";
import { time } from "./text";

interface Field {
  readonly name: string;
  readonly label: string;
  readonly hint: string;
  readonly secret: boolean;
}

const ACCOUNTS: Record<string, string> = { ga4: "Property number", meta: "Ad account (act_…)", instagram: "Instagram account number" };
const CREDENTIALS: Record<string, Field> = {
  ga4: { name: "service_account", label: "Service account key (JSON)", hint: "A key file of a service account that may read the property.", secret: false },
  meta: { name: "access_token", label: "Access token", hint: "A token that may read the account's ads.", secret: true },
  instagram: { name: "access_token", label: "Access token", hint: "A token that may read the account's insights.", secret: true },
};

export function connectionsPage(state: State): TemplateResult {
  return html`<main class="connections" id="main">
    <button type="button" class="button quiet" @click=${() => navigate({ page: "dashboard" })}>${back}Dashboard</button>
    <h2>Connections</h2>
    <p class="muted">What you connect is read each night, and whenever you ask for a sync. What comes as an export is connected without a key.</p>
    ${state.connectProblem === null ? nothing : html`<p class="error" role="alert">${state.connectProblem}</p>`}
    ${(state.catalog?.sources ?? []).map(({ name }) => sourceCard(state, name))}
  </main>`;
}

function sourceCard(state: State, source: string): TemplateResult {
  const title = cleanName(nameSource(state, source));
  const held = state.connections?.filter((each) => each.source === source) ?? [];
  return html`<section class="card source" aria-label=${title} data-source=${source}>
    <h3>${title}</h3>
    ${state.connections === null
      ? html`<p class="muted">Asking…</p>`
      : held.length === 0
        ? html`<p class="muted">Not connected.</p>`
        : html`<ul>${held.map((connection) => connectionLine(connection))}</ul>`}
    ${connectForm(source, title)}
  </section>`;
}

const TONES: Record<string, string> = { active: "good", needs_reauth: "bad" };

function connectionLine({ source, account_id: account, status, last_success_at: success, last_error: error }: Connection): TemplateResult {
  return html`<li>
    <span class="clip">${cleanName(account)}</span>
    <span class="tag ${TONES[status] ?? ""}">${status === "external" ? "From exports" : status === "needs_reauth" ? "Needs to be connected again" : humanizeName(status)}</span>
    <span class="muted">${success === null ? "" : `read ${time(success)}`}</span>
    ${status === "needs_reauth"
      ? html`<button type="button" class="button" @click=${(event: Event) => beginReconnect(event, account)}>Reconnect</button>`
      : nothing}
    <button type="button" class="button quiet" @click=${() => disconnect(source, account)}>Disconnect</button>
    ${error === null ? nothing : html`<p class="error">${error}</p>`}
  </li>`;
}

function connectForm(source: string, title: string): TemplateResult {
  const credentials = CREDENTIALS[source];
  return html`<details>
    <summary>Connect an account</summary>
    <form @submit=${(event: SubmitEvent) => connect(event, source)}>
      <label class="field"><span>${ACCOUNTS[source] ?? "Account"}</span><input name="account" required maxlength="200" autocomplete="off"></label>
      ${credentials === undefined
        ? html`<p class="hint">The rows of ${title} come from exports or from your own tables.</p>`
        : html`<label class="field"><span>${credentials.label}</span>
            ${credentials.secret
              ? html`<input type="password" name="credential" autocomplete="off">`
              : html`<textarea name="credential" rows="4" autocomplete="off" spellcheck="false"></textarea>`}
            <span class="hint">${credentials.hint} Leave it empty where the rows come from exports.</span></label>`}
      <button type="submit" class="button primary">Connect</button>
    </form>
  </details>`;
}

function beginReconnect(event: Event, account: string): void {
  const section = (event.target as Element).closest(".source");
  const details = section?.querySelector("details");
  const input = section?.querySelector<HTMLInputElement>("input[name=account]");
  if (!details || !input) return;
  details.open = true;
  input.value = account;
  section?.querySelector<HTMLElement>("[name=credential]")?.focus();
}

async function connect(event: SubmitEvent, source: string): Promise<void> {
  event.preventDefault();
  const form = event.target as HTMLFormElement;
  const data = new FormData(form);
  const text = String(data.get("credential") ?? "").trim();
  const account = String(data.get("account")).trim();
  await tryToChange(async () => {
    const credentials = text === "" ? {} : { credentials: readCredential(source, text) };
    await connectAccount(source, { account_id: account, ...credentials });
    form.reset();
    const details = form.closest("details");
    if (details) details.open = false;
    say(`${nameSource(getState(), source)} ${account} is connected.`);
    if (text !== "") syncSoon();
  });
}

function readCredential(source: string, text: string): Record<string, unknown> {
  const name = CREDENTIALS[source]?.name ?? "access_token";
  if (name !== "service_account") return { [name]: text };
  try {
    return { [name]: JSON.parse(text) as unknown };
  } catch {
    throw new ProblemError(422, "The service account key is no JSON; paste the whole key file.", null);
  }
}

async function disconnect(source: string, account: string): Promise<void> {
  if (!confirm(`Disconnect ${account}? Its rows stay, and are read no longer.`)) return;
  await tryToChange(async () => {
    await disconnectAccount(source, account);
    say(`${account} is disconnected.`);
  });
}

async function tryToChange(act: () => Promise<void>): Promise<void> {
  try {
    await act();
    change({ connectProblem: null });
    await Promise.all([learnConnections(), renewSources()]);
    void learnAccounts();
    await askAgain();
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    if (error.status === 401) leave("refused");
    else change({ connectProblem: error.message });
  }
}
