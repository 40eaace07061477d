/** The one state of the page. Whatever is drawn is drawn of it, and whatever happens changes it here. */

import type {
  Catalog,
  Connection,
  DataState,
  Entry,
  Explanation,
  InsightList,
  Layout,
  Member,
  Question,
  SyncJob,
  Widget,
} from "../api/client";
import { guessLastDay } from "./days";
import type { Place } from "./layout";
import { type View, readView } from "./view";

/** A widget's answer with what was asked for it: a tile says nothing of any other question. */
export interface Tile {
  readonly question: Question;
  readonly widget: Widget | null;
  readonly problem: string | null;
}

/** How a table is looked at: in what order, and which rows; as many as its YAML says where `limit` is null. */
export interface TableAsk {
  readonly sort: string | null;
  readonly offset: number;
  readonly limit: number | null;
}
export const UNSORTED: TableAsk = { sort: null, offset: 0, limit: null };

export interface Door {
  readonly reason: "new" | "refused" | "left";
  /** A token that a link carries while this tab has another. */
  readonly offered: string | null;
}

/** What stands above the tiles while something is wrong; `retries` where the page tries again by itself. */
export interface Banner {
  readonly text: string;
  readonly retries: boolean;
}

export interface Arranging {
  /** The arrangements before, the last one last. */
  readonly past: readonly (readonly Place[])[];
  readonly saving: "saved" | "waiting" | "saving" | "failed";
  readonly gallery: boolean;
  readonly search: string;
  readonly theirs: Layout | null;
}

export interface ExplainState {
  readonly key: string;
  readonly explanation: Explanation | null;
  readonly problem: string | null;
}

export interface State {
  readonly door: Door | null;
  readonly view: View;
  readonly lastDay: string;
  readonly catalog: Catalog | null;
  readonly meta: DataState | null;
  readonly saved: Layout | null;
  readonly places: readonly Place[];
  /** Whether the places are somebody's own arrangement. */
  readonly isArranged: boolean;
  readonly tiles: ReadonlyMap<string, Tile>;
  /** What the answers on the screen were asked; null before the first ones. */
  readonly shown: Question | null;
  readonly isLoading: boolean;
  readonly banner: Banner | null;
  readonly tables: ReadonlyMap<string, TableAsk>;
  /** The widgets that are shown as a table of their points. */
  readonly asTable: ReadonlySet<string>;
  readonly insights: { readonly question: string; readonly list: InsightList | null; readonly failed: boolean } | null;
  readonly accounts: ReadonlyMap<string, readonly Member[]>;
  readonly job: SyncJob | null;
  readonly connections: readonly Connection[] | null;
  readonly connectProblem: string | null;
  readonly isDrawerOpen: boolean;
  readonly arranging: Arranging | null;
  readonly explain: ExplainState | null;
  readonly toast: string | null;
  readonly rejected: number;
}

let state: State = {
  door: null,
  view: readView(location.search),
  lastDay: guessLastDay(),
  catalog: null,
  meta: null,
  saved: null,
  places: [],
  isArranged: false,
  tiles: new Map(),
  shown: null,
  isLoading: true,
  banner: null,
  tables: new Map(),
  asTable: new Set(),
  insights: null,
  accounts: new Map(),
  job: null,
  connections: null,
  connectProblem: null,
  isDrawerOpen: false,
  arranging: null,
  explain: null,
  toast: null,
  rejected: 0,
};

let draw: ((state: State) => void) | null = null;
let isDue = false;

export const getState = (): State => state;

export const onChange = (listener: (state: State) => void): void => {
  draw = listener;
};

/** Change the state; the page is drawn once for all changes of a turn. */
export function change(patch: Partial<State>): void {
  state = { ...state, ...patch };
  if (isDue) return;
  isDue = true;
  queueMicrotask(() => {
    isDue = false;
    draw?.(state);
  });
}

let toasting: ReturnType<typeof setTimeout> | undefined;
const TOAST_TIME = 5_000;

/** Say something that has worked. */
export function say(toast: string): void {
  clearTimeout(toasting);
  toasting = setTimeout(() => change({ toast: null }), TOAST_TIME);
  change({ toast });
}

export const findEntry = ({ catalog }: State, key: string): Entry | undefined =>
  catalog?.widgets.find((entry) => entry.key === key);

export const getSourceTitles = ({ catalog }: State): ReadonlyMap<string, string> =>
  new Map((catalog?.sources ?? []).map(({ name, title }) => [name, title]));

export const nameSource = (current: State, source: string): string => getSourceTitles(current).get(source) ?? source;

/** The sources of a widget that nobody has connected; none while it is not known what is. */
export const listMissing = ({ meta }: State, { sources }: Entry): string[] =>
  meta === null ? [] : sources.filter((source) => meta.connected_sources[source] !== true);

/** The metric of the large chart: the chosen one, or the first headline. */
export function findTrend(current: State): string | null {
  const { trend } = current.view;
  const headlines = current.places.filter(({ section }) => section === "").map(({ id }) => id);
  return trend !== null && headlines.includes(trend) ? trend : (headlines[0] ?? null);
}

/** The title of a dimension, wherever a widget has it. */
export function nameDimension({ catalog }: State, dimension: string): string {
  for (const { dimensions } of catalog?.widgets ?? []) {
    const found = dimensions.find(({ name }) => name === dimension);
    if (found) return found.title;
  }
  return dimension;
}
