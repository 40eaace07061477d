/** The tiles while they are arranged: dragged and resized by pointer or touch, moved by keys, taken off. */

import type { GridStack } from "gridstack";
import { type TemplateResult, html, nothing, render } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { cleanName } from "../format/names";
import { navigate } from "../state/actions";
import {
  type Step,
  addWidget,
  applyPlaces,
  closeGallery,
  endArranging,
  keepMine,
  openGallery,
  removeWidget,
  resetPlaces,
  searchGallery,
  stepWidget,
  swapWidget,
  takeTheirs,
  undo,
} from "../state/arrangement";
import { COLUMNS, OVERVIEW, type Place, getGroup } from "../state/layout";
import { type Arranging, type State, findEntry, getSourceTitles, getState, listMissing, nameSource } from "../state/store";
import { cross, plus, tick, undo as undoIcon } from "./icons";
import { showModal } from "./modal";
import { hasStudio } from "./studio";
import { tile } from "./tile";

/** The height of a row with the gap below it, and the gap; the style sheet has them too. */
const ROW = 74;
const GAP = 16;
const NARROW = "(max-width: 48rem)";

const HINT = { wide: "Drag by the title, or use its arrow keys.", narrow: "↑ and ↓ move a widget." };

interface Plan {
  readonly name: string;
  readonly places: readonly Place[];
  readonly state: State;
}

export function arrangeGrid(state: State, name: string, places: readonly Place[]): TemplateResult {
  if (matchMedia(NARROW).matches) {
    return html`<div class="tiles">${repeat(places, ({ id }) => id, ({ id }) => html`<div class="place arranged" data-place=${id}>${content(state, id, name)}</div>`)}</div>`;
  }
  const plan: Plan = { name, places, state };
  return html`<arrange-grid class="grid-stack ${name === OVERVIEW ? "headlines" : ""}" .plan=${plan}></arrange-grid>`;
}

function content(state: State, key: string, section: string): TemplateResult | typeof nothing {
  const entry = findEntry(state, key);
  if (entry === undefined) return nothing;
  const title = cleanName(entry.title);
  const step = (name: Step, label: string, sign: string) =>
    html`<button type="button" class="step" aria-label="${label}: ${title}" @click=${() => move(key, name)}>${sign}</button>`;
  // What gridstack drags must be no button: it leaves those alone.
  return html`<div class="handles">
      <span role="button" tabindex="0" class="grip" data-grip=${key} aria-label="Move ${title}. Arrow keys move it, with Shift they resize it, Delete takes it off."
        @keydown=${(event: KeyboardEvent) => pressKey(event, key)}><span aria-hidden="true">⠿</span><span class="clip">${title}</span></span>
      ${step("up", "Move up", "↑")}${step("down", "Move down", "↓")}
      <button type="button" class="remove" aria-label="Take off ${title}" @click=${() => removeAndFocus(key)}>${cross}</button>
    </div>
    <div class="inert" inert>${tile(state, entry, section)}</div>`;
}

const STEPS: Record<string, Step> = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down" };
const SIZES: Record<string, Step> = { ArrowLeft: "narrower", ArrowRight: "wider", ArrowUp: "shorter", ArrowDown: "taller" };

function pressKey(event: KeyboardEvent, key: string): void {
  if (event.key === "Delete" || event.key === "Backspace") {
    event.preventDefault();
    return removeAndFocus(key);
  }
  const step = (event.shiftKey ? SIZES : STEPS)[event.key];
  if (step === undefined) return;
  event.preventDefault();
  move(key, step);
}

/** The widget that is moved by keys: a grid that is built anew gives it the focus at once, or the next key would be lost. */
let inHand: string | null = null;

function move(key: string, step: Step): void {
  inHand = key;
  if ((step === "up" || step === "down") && matchMedia(NARROW).matches) swapWidget(key, step);
  else stepWidget(key, step);
  focusSoon(`[data-grip="${CSS.escape(key)}"]`);
}

/** Whoever takes a widget off goes on with the next one. */
function removeAndFocus(key: string): void {
  const keys = getState().places.map(({ id }) => id);
  const next = keys[keys.indexOf(key) + 1] ?? keys[keys.indexOf(key) - 1];
  removeWidget(key);
  focusSoon(next === undefined ? "#add-widget" : `[data-grip="${CSS.escape(next)}"]`);
}

const focusSoon = (selector: string): void => {
  requestAnimationFrame(() => {
    inHand = null;
    document.querySelector<HTMLElement>(selector)?.focus();
  });
};

let library: typeof GridStack | null = null;

class ArrangeGrid extends HTMLElement {
  private wanted: Plan | null = null;
  private drawn = "";
  private grid: GridStack | null = null;

  set plan(plan: Plan) {
    this.wanted = plan;
    void this.apply();
  }

  disconnectedCallback(): void {
    this.grid?.destroy(false);
    this.grid = null;
    this.drawn = "";
    this.replaceChildren();
  }

  private async apply(): Promise<void> {
    // Once it is there nothing waits: what is built later than the next frame would lose the focus.
    library ??= (await import("gridstack")).GridStack;
    if (!this.isConnected || this.wanted === null) return;
    const signature = describePlaces(this.wanted.places);
    if (signature !== this.drawn) this.build(library, this.wanted.places, signature);
    this.fill();
    if (inHand !== null) this.querySelector<HTMLElement>(`[data-grip="${CSS.escape(inHand)}"]`)?.focus();
  }

  private build(gridstack: typeof GridStack, places: readonly Place[], signature: string): void {
    this.grid?.destroy(false);
    this.replaceChildren();
    this.drawn = signature;
    for (const { id, x, y, w, h } of places) this.append(makeItem(id, { x, y, w, h }));
    const grid = (this.grid = gridstack.init(
      { column: COLUMNS, cellHeight: ROW, margin: GAP / 2, acceptWidgets: true, minRow: 2, animate: !matchMedia("(prefers-reduced-motion: reduce)").matches, draggable: { cancel: ".remove, .step" }, resizable: { handles: "se, sw" } },
      this,
    ));
    grid?.on("change", () => collectSoon());
    grid?.on("dropped", () => collectSoon());
  }

  private fill(): void {
    if (this.wanted === null) return;
    for (const item of this.querySelectorAll<HTMLElement>(":scope > .grid-stack-item")) {
      const key = item.getAttribute("gs-id");
      const inside = item.querySelector<HTMLElement>(".grid-stack-item-content");
      if (key !== null && inside !== null) render(content(this.wanted.state, key, this.wanted.name), inside);
    }
  }

  /** The places as the grid has them now. */
  read(): Place[] {
    if (this.grid === null || this.wanted === null) return [];
    const { name } = this.wanted;
    const held = new Map(getState().places.map((place) => [place.id, place]));
    const places = this.grid.engine.nodes.map(({ id, x, y, w, h }): Place => ({
      id: String(id),
      section: name,
      x: x ?? 0,
      y: y ?? 0,
      w: w ?? 2,
      h: h ?? 2,
      rest: held.get(String(id))?.rest ?? {},
    }));
    places.sort((a, b) => a.y - b.y || a.x - b.x);
    this.drawn = describePlaces(places);
    return places;
  }
}

customElements.define("arrange-grid", ArrangeGrid);

const describePlaces = (places: readonly Place[]): string => JSON.stringify(places.map(({ id, x, y, w, h }) => [id, x, y, w, h]));

function makeItem(id: string, size: Record<string, number>): HTMLElement {
  const item = document.createElement("div");
  item.className = "grid-stack-item";
  item.setAttribute("gs-id", id);
  for (const [name, value] of Object.entries({ ...size, "min-w": 2, "min-h": 2 })) item.setAttribute(`gs-${name}`, String(value));
  const inside = document.createElement("div");
  inside.className = "grid-stack-item-content arranged";
  item.append(inside);
  return item;
}

let isCollecting = false;

/** Take what was dragged into the state, once for all grids that it concerns. */
function collectSoon(): void {
  if (isCollecting) return;
  isCollecting = true;
  setTimeout(() => {
    isCollecting = false;
    applyPlaces([...document.querySelectorAll<ArrangeGrid>("arrange-grid")].flatMap((grid) => grid.read()));
  });
}

const SAVING: Record<Arranging["saving"], string> = {
  saved: "Saved",
  waiting: "Saving…",
  saving: "Saving…",
  failed: "Not saved yet",
};

export function arrangeBar(state: State): TemplateResult | typeof nothing {
  const { arranging } = state;
  if (arranging === null) return nothing;
  return html`<section class="arrangebar" aria-label="Arrange the widgets">
    <button type="button" class="button" id="add-widget" @click=${openGallery}>${plus}Add a widget</button>
    <button type="button" class="button" ?disabled=${arranging.past.length === 0} @click=${undo}>${undoIcon}Undo</button>
    <button type="button" class="button quiet" @click=${resetPlaces}>Start over</button>
    <p class="muted" role="status">${arranging.past.length === 0 && arranging.saving === "saved" ? HINT[matchMedia(NARROW).matches ? "narrow" : "wide"] : SAVING[arranging.saving]}</p>
    <button type="button" class="button primary" id="done" @click=${() => {
      endArranging();
      focusSoon("#arrange");
    }}>${tick}Done</button>
  </section>
  ${arranging.theirs === null ? nothing : conflict()}
  ${arranging.gallery ? gallery(state, arranging) : nothing}`;
}

const conflict = (): TemplateResult => html`<dialog class="card conflict" role="alertdialog" aria-labelledby="conflict-title" ${showModal(() => undefined)}>
  <h2 id="conflict-title">This page was arranged elsewhere too</h2>
  <p>In another tab or on another machine somebody has saved another arrangement since you began. Nothing of yours is lost yet.</p>
  <div class="row">
    <button type="button" class="button primary" @click=${keepMine}>Keep mine</button>
    <button type="button" class="button" @click=${takeTheirs}>Take theirs</button>
  </div>
</dialog>`;

function gallery(state: State, { search }: Arranging): TemplateResult {
  const titles = getSourceTitles(state);
  const placed = new Set(state.places.map(({ id }) => id));
  const words = search.trim().toLowerCase().split(/\s+/);
  const found = (state.catalog?.widgets ?? []).filter((entry) => {
    const text = `${entry.title} ${entry.description} ${entry.key} ${getGroup(entry, titles)}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  return html`<dialog class="card gallery" aria-labelledby="gallery-title" ${showModal(closeGallery)}>
    <div class="head"><h2 id="gallery-title">Add a widget</h2><button type="button" class="button quiet iconic" aria-label="Close" @click=${closeGallery}>${cross}</button></div>
    <input type="search" aria-label="Search the widgets" placeholder="Search" .value=${search} @input=${(event: Event) => searchGallery((event.target as HTMLInputElement).value)}>
    ${found.length === 0 ? html`<p class="empty">No widget has these words.</p>` : nothing}
    <div class="choices" role="region" aria-label="Widgets" tabindex="0"><ul>${repeat(found, ({ key }) => key, (entry) => {
      const lacking = listMissing(state, entry).map((source) => nameSource(state, source));
      return html`<li>
        <div><strong>${cleanName(entry.title)}</strong><span class="tag">${getGroup(entry, titles)}</span>
          <p class="muted">${entry.description}</p>${lacking.length > 0 ? html`<p class="hint">Needs ${lacking.join(" and ")}.</p>` : nothing}</div>
        ${placed.has(entry.key)
          ? html`<span class="muted">On the page</span>`
          : html`<button type="button" class="button" aria-label="Add ${cleanName(entry.title)}" @click=${() => addWidget(entry.key)}>${plus}Add</button>`}
      </li>`;
    })}</ul></div>
    ${hasStudio(state) ? html`<p class="hint">Not among them? <button type="button" class="link" @click=${openStudio}>Write a new one in the studio</button></p>` : nothing}
  </dialog>`;
}

function openStudio(): void {
  closeGallery();
  endArranging();
  navigate({ page: "studio" });
}
