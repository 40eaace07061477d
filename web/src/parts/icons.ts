/** The page's few drawings: lines of one weight in the colour of the text beside them. */

import { type TemplateResult, html, svg } from "lit";

const draw = (paths: TemplateResult | TemplateResult[]): TemplateResult =>
  html`<svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">${paths}</svg>`;

const line = (path: string): TemplateResult => svg`<path d=${path}></path>`;

export const chevron = draw(line("M4 6.5 8 10.5 12 6.5"));
export const dots = draw([svg`<circle cx="3.5" cy="8" r="1"></circle>`, svg`<circle cx="8" cy="8" r="1"></circle>`, svg`<circle cx="12.5" cy="8" r="1"></circle>`]);
export const cross = draw(line("M4 4 12 12M12 4 4 12"));
export const tick = draw(line("M3.5 8.5 6.5 11.5 12.5 5"));
export const calendar = draw(line("M2.5 4.5h11v9h-11zM2.5 7.5h11M5.5 2.5v3M10.5 2.5v3"));
export const cycle = draw(line("M13 8A5 5 0 1 1 11.5 4.4M13 2.5v2.6h-2.6"));
export const grid = draw(line("M2.5 2.5h4.5v4.5h-4.5zM9 2.5h4.5v4.5h-4.5zM2.5 9h4.5v4.5h-4.5zM9 9h4.5v4.5h-4.5z"));
export const plus = draw(line("M8 3.5v9M3.5 8h9"));
export const spark = draw(line("M8 2.5 9.4 6.6 13.5 8 9.4 9.4 8 13.5 6.6 9.4 2.5 8 6.6 6.6z"));
export const back = draw(line("M9.5 4 5.5 8 9.5 12"));
export const forward = draw(line("M6.5 4 10.5 8 6.5 12"));
export const warning = draw(line("M8 2.5 14 13H2zM8 6.5v3M8 11.3v.2"));
export const undo = draw(line("M5.5 3.5 2.5 6.5 5.5 9.5M2.5 6.5h7a3.5 3.5 0 0 1 0 7H7"));
