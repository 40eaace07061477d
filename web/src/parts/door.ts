/** The door: what is behind it, and how one gets in. */

import { type TemplateResult, html, nothing } from "lit";
import { enter, open } from "../state/actions";
import { type Door, change } from "../state/store";

const REASONS: Record<Door["reason"], string> = {
  new: "This dashboard belongs to somebody, so it opens with a key.",
  refused: "Your access has ended: the key is too old, or it is not one of this server.",
  left: "You have signed out. Nothing of the dashboard is left in this tab.",
};

export function door({ reason, offered }: Door): TemplateResult {
  if (offered !== null) return replacement(offered);
  return html`<main class="door">
    <form class="card" @submit=${(event: SubmitEvent) => {
      event.preventDefault();
      const token = new FormData(event.target as HTMLFormElement).get("token");
      if (typeof token === "string" && token.trim() !== "") enter(token);
    }}>
      <span class="mark" aria-hidden="true"></span>
      <h1>Your marketing dashboard</h1>
      <p role=${reason === "refused" ? "alert" : nothing}>${REASONS[reason]}</p>
      <p>Open it with the personal link that you were given, or from the application in which you are signed in.</p>
      <details ?open=${reason !== "new"}>
        <summary>I have an access token</summary>
        <label class="field"><span>Access token</span><input type="password" name="token" autocomplete="off" spellcheck="false" required></label>
        <button type="submit" class="button primary">Open the dashboard</button>
        <p class="hint">It stays in this tab and is gone when you close it.</p>
      </details>
      <p class="hint">No link yet? Ask whoever runs this server; they make one with <code>metric-engine token</code>.</p>
    </form>
  </main>`;
}

const replacement = (offered: string): TemplateResult => html`<main class="door">
  <div class="card" role="alertdialog" aria-labelledby="replacement">
    <span class="mark" aria-hidden="true"></span>
    <h1 id="replacement">Open another dashboard?</h1>
    <p>The link that led here carries a key of its own. It would take the place of the one in this tab, and the page would show what
      belongs to that key. Go on only if you know who sent the link.</p>
    <div class="row">
      <button type="button" class="button primary" id="stay" @click=${() => {
        change({ door: null });
        void open();
      }}>Stay where I am</button>
      <button type="button" class="button" id="replace" @click=${() => enter(offered)}>Use the link's key</button>
    </div>
  </div>
</main>`;
