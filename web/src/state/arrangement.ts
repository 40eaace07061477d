/** To arrange: every step is saved by itself and can be undone; where somebody else was faster, one is asked. */

import { type Layout, ProblemError, client } from "../api/client";
import { askAgain, leave, placeWidgets } from "./actions";
import { type Place, COLUMNS, getGroup, keepSections, listSections, measureEntry, placeEntry, sortPlaces, writePlaces } from "./layout";
import { type Arranging, change, findEntry, getSourceTitles, getState, say } from "./store";

const SAVE_DELAY = 500;
const RETRY_DELAY = 5_000;
const MAX_PAST = 50;
const MAX_ROWS = 12;

const IDLE: Arranging = { past: [], saving: "saved", gallery: false, search: "", theirs: null };

let waiting: ReturnType<typeof setTimeout> | undefined;
let saving: Promise<void> | null = null;

export const beginArranging = (): void => change({ arranging: IDLE });

/** Stop arranging; what is not saved yet is saved now. */
export function endArranging(): void {
  if (getState().arranging?.saving === "waiting") void save();
  change({ arranging: null });
}

const patchArranging = (patch: Partial<Arranging>): void => {
  const { arranging } = getState();
  if (arranging !== null) change({ arranging: { ...arranging, ...patch } });
};

export const openGallery = (): void => patchArranging({ gallery: true });
export const closeGallery = (): void => patchArranging({ gallery: false, search: "" });
export const searchGallery = (search: string): void => patchArranging({ search });

/** Whether the places are somebody's work, which what happens elsewhere must not undo. */
export const isInHand = (): boolean => getState().arranging !== null || saving !== null;

/** Take a new arrangement; it is saved in a moment. */
export function applyPlaces(wanted: readonly Place[]): void {
  const { arranging, places: before } = getState();
  const places = keepSections(wanted, before);
  if (arranging === null || JSON.stringify(before) === JSON.stringify(places)) return;
  change({ places, isArranged: true });
  patchArranging({ past: [...arranging.past, before].slice(-MAX_PAST), saving: "waiting" });
  saveSoon();
}

export function undo(): void {
  const { arranging } = getState();
  const before = arranging?.past.at(-1);
  if (arranging === null || before === undefined) return;
  change({ places: before });
  patchArranging({ past: arranging.past.slice(0, -1), saving: "waiting" });
  saveSoon();
  void askMissing();
}

function saveSoon(delay = SAVE_DELAY): void {
  clearTimeout(waiting);
  waiting = setTimeout(() => void save(), delay);
}

/** Save what is on the screen, one request after the other. */
async function save(): Promise<void> {
  clearTimeout(waiting);
  if (saving !== null) {
    await saving;
    return save();
  }
  saving = sendLayout().finally(() => (saving = null));
  return saving;
}

async function sendLayout(): Promise<void> {
  const { places, saved, catalog } = getState();
  const entries = catalog?.widgets ?? [];
  patchArranging({ saving: "saving" });
  try {
    const layout = await client.saveLayout({ ...writePlaces(places, saved, entries), known: entries.map(({ key }) => key) });
    change({ saved: layout, isArranged: true });
    if (getState().places === places) patchArranging({ saving: "saved" });
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    takeProblem(error);
  }
}

function takeProblem(error: ProblemError): void {
  if (error.status === 401) return leave("refused");
  const theirs = error.body["layout"];
  if (error.status === 409 && typeof theirs === "object" && theirs !== null) {
    if (getState().arranging === null) change({ arranging: IDLE });
    return patchArranging({ theirs: theirs as Layout, saving: "failed" });
  }
  patchArranging({ saving: "failed" });
  if (error.wait !== null) saveSoon(RETRY_DELAY);
  else say(error.message);
}

/** Overwrite what somebody else has saved in the meantime. */
export function keepMine(): void {
  const theirs = getState().arranging?.theirs;
  if (!theirs) return;
  change({ saved: theirs });
  patchArranging({ theirs: null });
  void save();
}

export function takeTheirs(): void {
  const theirs = getState().arranging?.theirs;
  if (!theirs) return;
  placeWidgets(theirs);
  patchArranging({ theirs: null, past: [], saving: "saved" });
  void askMissing();
}

export function addWidget(key: string): void {
  const state = getState();
  const entry = findEntry(state, key);
  if (entry === undefined || state.places.some(({ id }) => id === key)) return;
  if (state.arranging === null) beginArranging();
  const place = placeEntry(entry, getGroup(entry, getSourceTitles(state)), state.places);
  applyPlaces([...state.places, place]);
  void askAgain([key]);
}

export const removeWidget = (key: string): void => applyPlaces(getState().places.filter(({ id }) => id !== key));

/** The arrangement of the YAML again. */
export function resetPlaces(): void {
  const before = getState().places;
  placeWidgets({ widgets: [] });
  const usual = getState().places;
  change({ places: before });
  applyPlaces(usual);
  void askMissing();
}

export function dismissOffers(): void {
  change({ saved: { ...(getState().saved ?? { widgets: [] }), known: (getState().catalog?.widgets ?? []).map(({ key }) => key) } });
  void save();
}

async function askMissing(): Promise<void> {
  const { places, tiles } = getState();
  const keys = places.map(({ id }) => id).filter((id) => !tiles.has(id));
  if (keys.length > 0) await askAgain(keys);
}

export type Step = "left" | "right" | "up" | "down" | "wider" | "narrower" | "taller" | "shorter";

/** Move or resize a widget by one step; others make room. Beyond a section's edge lies the next one. */
export function stepWidget(key: string, step: Step): void {
  const { places } = getState();
  const place = places.find(({ id }) => id === key);
  if (place === undefined) return;
  const moved = movePlace(place, step, places);
  if (moved === null) return;
  applyPlaces([...places.filter(({ section }) => section !== moved.section && section !== place.section),
    ...settle(moved, places), ...(moved.section === place.section ? [] : pack(places.filter(({ id, section }) => section === place.section && id !== key)))]);
}

/** In a single column a widget changes places with its neighbour; at the section's edge it goes on to the next one. */
export function swapWidget(key: string, step: "up" | "down"): void {
  const places = sortPlaces(getState().places);
  const at = places.findIndex(({ id }) => id === key);
  const [place, other] = [places[at], places[at + (step === "down" ? 1 : -1)]];
  if (place === undefined || other?.section !== place.section) return stepWidget(key, step);
  const take = (each: Place, { x, y, w, h }: Place): Place => ({ ...each, x, y, w, h });
  applyPlaces(places.map((each) => (each === place ? take(each, other) : each === other ? take(each, place) : each)));
}

function movePlace(place: Place, step: Step, places: readonly Place[]): Place | null {
  switch (step) {
    case "left":
      return place.x > 0 ? { ...place, x: place.x - 1 } : null;
    case "right":
      return place.x + place.w < COLUMNS ? { ...place, x: place.x + 1 } : null;
    case "wider":
      return place.w < COLUMNS ? { ...place, w: place.w + 1, x: Math.min(place.x, COLUMNS - place.w - 1) } : null;
    case "narrower":
      return place.w > 2 ? { ...place, w: place.w - 1 } : null;
    case "taller":
      return place.h < MAX_ROWS ? { ...place, h: place.h + 1 } : null;
    case "shorter":
      return place.h > 2 ? { ...place, h: place.h - 1 } : null;
    default:
      return moveAcross(place, step, places);
  }
}

/** Up and down change places with the row beside, and at the edge the section. */
function moveAcross(place: Place, step: "up" | "down", places: readonly Place[]): Place | null {
  const own = places.filter(({ section, id }) => section === place.section && id !== place.id);
  const rows = [...new Set(own.map(({ y }) => y))].sort((a, b) => a - b);
  const row = step === "up" ? rows.findLast((y) => y < place.y) : rows.find((y) => y > place.y);
  // What lies in the row below comes up, since it is passed by its whole height.
  const end = Math.max(...own.filter(({ y }) => y === row).map(({ y, h }) => y + h));
  if (row !== undefined) return { ...place, y: step === "down" ? end : row };
  const sections = listSections(places);
  const next = sections[sections.indexOf(place.section) + (step === "up" ? -1 : 1)];
  if (next === undefined) return null;
  const entry = findEntry(getState(), place.id);
  const size = next !== "" && place.section === "" && entry ? measureEntry(entry) : next === "" ? { w: 2, h: 2 } : {};
  const bottom = Math.max(0, ...places.filter(({ section }) => section === next).map(({ y, h }) => y + h));
  return { ...place, ...size, section: next, y: step === "up" ? bottom : 0 };
}

const overlap = (a: Place, b: Place): boolean => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;

/** The section with the moved widget where it wants to be; what it covers goes below it. */
function settle(moved: Place, places: readonly Place[]): Place[] {
  const done: Place[] = [moved];
  for (const place of sortPlaces(places.filter(({ section, id }) => section === moved.section && id !== moved.id))) {
    let at = place;
    for (let hit = done.find((each) => overlap(each, at)); hit !== undefined; hit = done.find((each) => overlap(each, at))) {
      at = { ...at, y: hit.y + hit.h };
    }
    done.push(at);
  }
  return pack(done);
}

/** Every widget as far up as there is room. */
function pack(places: readonly Place[]): Place[] {
  const done: Place[] = [];
  for (const place of [...places].sort((a, b) => a.y - b.y || a.x - b.x)) {
    let at = place;
    while (at.y > 0 && !done.some((each) => overlap(each, { ...at, y: at.y - 1 }))) at = { ...at, y: at.y - 1 };
    done.push(at);
  }
  return done;
}
