/** The one control of days: what is shown, against what, and in what steps. */

import { type TemplateResult, html, nothing } from "lit";
import { guard } from "lit/directives/guard.js";
import { navigate } from "../state/actions";
import { addDays, countDays } from "../state/days";
import { type State } from "../state/store";
import { COMPARES, GRAINS, MAX_DAYS, PRESETS, fitGrain, resolvePreset, resolveWindow, type Compare, type Grain } from "../state/view";
import { calendar, chevron } from "./icons";
import { closeMenu } from "./menu";
import { describeWindow, range } from "./text";

const GRAIN_NAMES: Record<Grain, string> = { day: "Days", week: "Weeks", month: "Months", quarter: "Quarters", year: "Years" };

export function dateControl(state: State): TemplateResult {
  const { view, lastDay } = state;
  const window = resolveWindow(view, lastDay);
  const { shown, against } = describeWindow(state);
  const name = PRESETS.find(({ id }) => id === view.preset)?.label ?? "Custom";
  const asked = range(window.start, window.end);
  const isElsewhere = shown !== null && shown !== asked;
  return html`<div class="period" aria-busy=${state.isLoading}>
    <details class="menu dates">
      <summary id="period">
        ${calendar}
        <span class="days"><strong>${shown ?? asked}</strong>${describeAgainst(against, view.compare)}</span>
        <span class="preset">${isElsewhere ? html`<span class="loading">${state.isLoading ? `Loading ${asked}` : `Not ${asked}`}</span>` : name}</span>
        ${chevron}
      </summary>
      ${guard([view, lastDay], () => panel(state))}
    </details>
  </div>`;
}

/** The days of the comparison; before they are known their line is kept. */
const describeAgainst = (against: string | null, compare: Compare): TemplateResult | typeof nothing =>
  compare === "off" ? nothing : html`<span class="against">${against === null ? html`&nbsp;` : `against ${against}`}</span>`;

function panel(state: State): TemplateResult {
  const { view, lastDay } = state;
  const window = resolveWindow(view, lastDay);
  return html`<div class="panel">
      <ul class="list presets">
        ${PRESETS.map(({ id, label }) => {
          const days = resolvePreset(id, lastDay);
          return html`<li><button type="button" aria-pressed=${view.preset === id} @click=${(event: Event) => {
            closeMenu(event.target);
            navigate({ preset: id, start: null, end: null });
          }}><span>${label}</span><span class="muted">${range(days.start, days.end)}</span></button></li>`;
        })}
      </ul>
      <form class="own" @submit=${(event: SubmitEvent) => applyOwn(event)}>
        <fieldset class="pair">
          <legend>Dates of your own</legend>
          <label><span class="unseen">First day</span><input type="date" name="start" required .defaultValue=${window.start} max=${lastDay} min="2000-01-01"></label>
          <label><span class="unseen">Last day</span><input type="date" name="end" required .defaultValue=${window.end} max=${addDays(lastDay, 366)} min="2000-01-01"></label>
          <p class="error" role="alert" hidden></p>
          <button type="submit" class="button">Show these days</button>
        </fieldset>
        <label class="field"><span>Compare with</span>
          <select name="compare" @change=${(event: Event) => chooseCompare(event, state)}>
            ${COMPARES.map(({ id, label }) => html`<option value=${id} ?selected=${view.compare === id}>${label}</option>`)}
          </select>
        </label>
        <label class="field" ?hidden=${view.compare !== "custom"}><span>Compared days begin</span>
          <input type="date" name="compare_start" min="2000-01-01" max=${lastDay} .value=${view.compareStart ?? ""} @change=${(event: Event) => {
            const input = event.target as HTMLInputElement;
            if (input.checkValidity() && input.value !== "") navigate({ compare: "custom", compareStart: input.value });
          }}>
        </label>
        <label class="field"><span>In steps of</span>
          <select name="grain" @change=${(event: Event) => {
            const { value } = event.target as HTMLSelectElement;
            navigate({ grain: value === "" ? null : (value as Grain) });
          }}>
            <option value="" ?selected=${view.grain === null}>Fitting (${GRAIN_NAMES[fitGrain(window)].toLowerCase()})</option>
            ${GRAINS.map((grain) => html`<option value=${grain} ?selected=${view.grain === grain}>${GRAIN_NAMES[grain]}</option>`)}
          </select>
        </label>
      </form>
    </div>`;
}

function chooseCompare(event: Event, state: State): void {
  const compare = (event.target as HTMLSelectElement).value as Compare;
  if (compare !== "custom") return navigate({ compare, compareStart: null });
  const { start, end } = resolveWindow(state.view, state.lastDay);
  navigate({ compare, compareStart: addDays(start, -countDays(start, end)) });
}

function applyOwn(event: SubmitEvent): void {
  event.preventDefault();
  const form = event.target as HTMLFormElement;
  const data = new FormData(form);
  const [start, end] = [String(data.get("start")), String(data.get("end"))];
  const error = form.querySelector<HTMLElement>(".error");
  const fault = start > end ? "The last day is before the first." : countDays(start, end) > MAX_DAYS ? `At most ${MAX_DAYS.toLocaleString()} days.` : null;
  if (error) {
    error.hidden = fault === null;
    error.textContent = fault;
  }
  if (fault !== null) return;
  closeMenu(form);
  navigate({ preset: null, start, end });
}
