/** The way to the studio, where the server has one; its code comes when somebody goes there. */

import { type TemplateResult, html } from "lit";
import type { State } from "../state/store";
import { change } from "../state/store";

type Page = (state: State) => TemplateResult;

let page: Page | null = null;
let loading: Promise<void> | null = null;

/** Whether this server lets its metric files be edited. */
export const hasStudio = ({ meta }: State): boolean => (meta as { studio?: boolean } | null)?.studio === true;

export function studio(state: State): TemplateResult {
  if (page !== null && hasStudio(state)) return page(state);
  if (hasStudio(state)) loading ??= import("../studio/studio").then(({ studioPage }) => {
    page = studioPage;
    change({});
  });
  return html`<main id="main" tabindex="-1" aria-busy="true"></main>`;
}
