/** The insights above the widgets: a column for each group, gone where there is nothing to tell. */

import * as api from "./api.js";
import { byId, h } from "./dom.js";

/**
 * Ask for what happened and show it. A language model may take its time, so that nobody waits for it, and what goes
 * wrong is shown by the widgets already.
 */
export async function tell(question, signal) {
  const panel = byId("insights");
  panel.setAttribute("aria-busy", "true");
  try {
    const { items, meta } = await api.insights(question, signal);
    panel.hidden = !items.length;
    panel.replaceChildren(...items.map(group), h("p", { class: "author" }, author(meta)));
  } catch (error) {
    if (error.name === "AbortError") return;
    if (!(error instanceof api.Problem)) throw error;
    panel.hidden = true;
  }
  panel.setAttribute("aria-busy", "false");
}

const group = ({ group, bullets }) =>
  h("section", { class: "group" }, h("h2", {}, group), h("ul", {}, bullets.map((bullet) => h("li", {}, bullet))));

const author = ({ generated_by }) =>
  generated_by === "llm" ? "Arranged by a language model, from sentences that the data bears out." : "From the data, by rules.";
