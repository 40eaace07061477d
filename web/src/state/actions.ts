/** What the page does: it asks the API what the view wants to know. */

import {
  type Layout,
  type Problem,
  ProblemError,
  type Question,
  type Widget,
  client,
  fetchConnections,
  fetchCsv,
  fetchExplanation,
} from "../api/client";
import { askParent } from "../api/embedding";
import { forgetToken, getToken, keepToken } from "../api/session";
import { arrangeEntries, listSections, readPlaces } from "./layout";
import {
  type State,
  type TableAsk,
  type Tile,
  UNSORTED,
  change,
  findEntry,
  findTrend,
  getSourceTitles,
  getState,
  listMissing,
  say,
} from "./store";
import { type View, buildQuestion, readView, toggleMember, writeView } from "./view";

export const ACCOUNT_DIMENSIONS = ["property", "ad_account", "ig_account"] as const;

let running: AbortController | null = null;
let retrying: ReturnType<typeof setTimeout> | undefined;

/** Run the newest task only; what goes wrong is told, and tried again where that can help. */
async function attempt(task: (signal: AbortSignal) => Promise<void>): Promise<void> {
  running?.abort();
  clearTimeout(retrying);
  const mine = (running = new AbortController());
  change({ isLoading: true });
  try {
    await task(mine.signal);
    if (mine === running) change({ isLoading: false, banner: null });
  } catch (error) {
    if (mine !== running || (error instanceof DOMException && error.name === "AbortError")) return;
    change({ isLoading: false });
    if (!(error instanceof ProblemError)) throw error;
    tellProblem(error, () => attempt(task));
  }
}

/** Show what the server refused; a refused token leads to the door. */
export function tellProblem(error: ProblemError, retry: (() => unknown) | null = null): void {
  if (error.status === 401) return leave("refused");
  const retries = error.wait !== null && retry !== null;
  change({ banner: { text: error.message, retries } });
  if (retries) retrying = setTimeout(retry, (error.wait ?? 1) * 1000);
}

/** Try again at once. */
export const retryNow = (): void => void (getState().catalog === null ? open() : attempt(ask));

/** Everything from the start, in three requests: the catalog beside what is saved and connected; then the answers. */
export async function open(): Promise<void> {
  if (getToken() === null) return leave("new");
  change({ door: null });
  await attempt(async (signal) => {
    const [catalog, layout] = await Promise.all([client.getCatalog(signal), learnDashboard(signal).catch(passUnless401)]);
    change({ catalog });
    placeWidgets(layout);
    await ask(signal);
    void learnAccounts();
  });
}

/** Learn the state of the data, and return the saved layout that comes with it. */
async function learnDashboard(signal?: AbortSignal): Promise<Layout> {
  const { layout, ...meta } = await client.getDashboard(signal);
  change({ meta, lastDay: meta.last_complete_day });
  return layout;
}

/** What the page can do without; a refused token is no such thing. */
function passUnless401(error: unknown): null {
  if (error instanceof ProblemError && error.status !== 401) return null;
  throw error;
}

/** Place the widgets as they are saved, or else all that can be answered in the order of the YAML. */
export function placeWidgets(saved: Layout | null): void {
  const state = getState();
  const entries = state.catalog?.widgets ?? [];
  const titles = getSourceTitles(state);
  const own = saved === null ? null : readPlaces(saved, entries, titles);
  const usual = () => arrangeEntries(entries.filter((entry) => listMissing(state, entry).length === 0), titles);
  change({ saved, places: own ?? usual(), isArranged: own !== null });
}

const listKeys = (state: State): string[] => {
  const keys = new Set(state.places.map(({ id }) => id));
  const { open: opened } = state.view;
  if (opened !== null && findEntry(state, opened)) keys.add(opened);
  return [...keys];
};

/** What a table asks: as everything else does, until somebody has sorted it or turned its pages. */
export const buildTableQuestion = (question: Question, { sort, offset, limit }: TableAsk): Question => ({
  ...question,
  ...(sort === null ? {} : { sort }),
  ...(limit === null ? {} : { limit, offset }),
});

/** Ask all that is on the screen; header and tiles change together, when all have answered. */
async function ask(signal: AbortSignal): Promise<void> {
  const state = getState();
  const question = buildQuestion(state.view, state.lastDay);
  const answers = await fetchAnswers(listKeys(state), question, signal);
  const tiles = new Map(answers.map(([key, answer]) => [key, renewTile(key, readTile(question, answer))]));
  if (state.tiles.size === 0) await drawInTurn(tiles, question, signal);
  change({ tiles, shown: question });
  // Numbers wait for no sentences, and sentences are of the days whose numbers are shown.
  void askInsights(question);
}

/** The first time there is all to draw: section after section, from the top, so that the page answers in between. */
async function drawInTurn(tiles: ReadonlyMap<string, Tile>, shown: Question, signal: AbortSignal): Promise<void> {
  const { places } = getState();
  const drawn = new Map<string, Tile>();
  for (const section of listSections(places)) {
    for (const { id } of places.filter((place) => place.section === section)) {
      const tile = tiles.get(id);
      if (tile !== undefined) drawn.set(id, tile);
    }
    change({ tiles: new Map(drawn), shown });
    await new Promise((resolve) => setTimeout(resolve));
    signal.throwIfAborted();
  }
}

/** The answers by key, in one request; only tables that somebody has sorted or leafed through have one of their own. */
async function fetchAnswers(keys: readonly string[], question: Question, signal?: AbortSignal): Promise<[string, Widget | Problem][]> {
  const state = getState();
  const asks = new Map<string, { question: Question; keys: string[] }>();
  for (const key of keys) {
    const isTable = findEntry(state, key)?.columns !== undefined;
    const own = isTable ? buildTableQuestion(question, state.tables.get(key) ?? UNSORTED) : question;
    const name = JSON.stringify(own);
    const held = asks.get(name) ?? { question: own, keys: [] };
    asks.set(name, { ...held, keys: [...held.keys, key] });
  }
  const answers = await Promise.all([...asks.values()].map((ask) => client.getWidgets(ask.keys, ask.question, signal)));
  return answers.flatMap((each) => Object.entries(each));
}

function readTile(question: Question, answer: object): Tile {
  if ("series" in answer) return { question, widget: answer as Widget, problem: null };
  return { question, widget: null, problem: (answer as { detail?: string }).detail ?? "It cannot be shown." };
}

/** The tile as it is where nothing of it has changed, so that nobody draws it again. */
function renewTile(key: string, tile: Tile): Tile {
  const held = getState().tiles.get(key);
  return held !== undefined && JSON.stringify(held) === JSON.stringify(tile) ? held : tile;
}

/** Ask the same again: all of it, or the widgets of these keys alone. */
export async function askAgain(keys: readonly string[] | null = null): Promise<void> {
  if (keys === null) return attempt(ask);
  const state = getState();
  const question = buildQuestion(state.view, state.lastDay);
  const placed = keys.filter((key) => listKeys(state).includes(key));
  try {
    const answers = await fetchAnswers(placed, question);
    if (getState().view !== state.view) return;
    const tiles = new Map(getState().tiles);
    for (const [key, answer] of answers) tiles.set(key, renewTile(key, readTile(question, answer)));
    change({ tiles, shown: question });
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    tellProblem(error, () => askAgain(keys));
  }
}

let telling: AbortController | null = null;

async function askInsights(question: Question, again = false): Promise<void> {
  const { start, end, compare, compare_start, sources } = question;
  const name = JSON.stringify([start, end, compare, compare_start, sources]);
  if (!again && getState().insights?.question === name && !getState().insights?.failed) return;
  telling?.abort();
  const mine = (telling = new AbortController());
  change({ insights: { question: name, list: null, failed: false } });
  try {
    const list = await client.getInsights(question, mine.signal);
    change({ insights: { question: name, list, failed: false } });
  } catch (error) {
    if (mine === telling && error instanceof ProblemError) change({ insights: { question: name, list: null, failed: true } });
  }
}

/** Ask for the sentences again, for new data. */
export const refreshInsights = (): void => {
  const { view, lastDay } = getState();
  void askInsights(buildQuestion(view, lastDay), true);
};

/** Look at something else; what the address bar says is what is asked. */
export function navigate(patch: Partial<View>, { replace = false } = {}): void {
  const state = getState();
  const view = { ...state.view, ...patch };
  const address = location.pathname + writeView(view);
  if (replace) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
  applyView(view);
}

/** Show a view, and ask where it asks something else. */
export function applyView(view: View): void {
  const state = getState();
  const asked = (each: View): string => JSON.stringify([buildQuestion(each, state.lastDay), each.open !== null && !state.tiles.has(each.open)]);
  const isOther = asked(view) !== JSON.stringify([state.shown, false]);
  change({ view, tables: isOther ? resetOffsets(state.tables) : state.tables });
  if (view.page === "connections") void learnConnections();
  if (isOther && state.catalog !== null) void attempt(ask);
}

const resetOffsets = (tables: ReadonlyMap<string, TableAsk>): ReadonlyMap<string, TableAsk> =>
  new Map([...tables].map(([key, { sort }]) => [key, { ...UNSORTED, sort }]));

/** The view that the address bar has, after the browser's own Back. */
export const followAddress = (): void => applyView(readView(location.search));

export const pickMember = (dimension: string, member: string): void =>
  navigate({ filters: toggleMember(getState().view.filters, dimension, member) });

export const pickRange = (start: string, end: string): void => navigate({ preset: null, start, end });

/** Sort a table by a column, or turn its pages. */
export async function askTable(key: string, table: TableAsk): Promise<void> {
  const { tables, shown } = getState();
  change({ tables: new Map(tables).set(key, table) });
  if (shown !== null) await askAgain([key]);
}

export function toggleAsTable(key: string): void {
  const asTable = new Set(getState().asTable);
  if (!asTable.delete(key)) asTable.add(key);
  change({ asTable });
}

/** The members of the dimensions that tell an account, each asked of the first widget that has it. */
export async function learnAccounts(): Promise<void> {
  const state = getState();
  const found = ACCOUNT_DIMENSIONS.map(async (dimension) => {
    const entry = state.catalog?.widgets.find(
      (each) => each.dimensions.some(({ name }) => name === dimension) && listMissing(state, each).length === 0,
    );
    if (entry === undefined) return null;
    const members = await client.getMembers(entry.key, dimension, {}).catch(() => []);
    return members.length > 0 ? ([dimension, members] as const) : null;
  });
  change({ accounts: new Map((await Promise.all(found)).filter((each) => each !== null)) });
}

export async function learnConnections(): Promise<void> {
  try {
    change({ connections: await fetchConnections(), connectProblem: null });
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    if (error.status === 401) leave("refused");
    else change({ connectProblem: error.message });
  }
}

/** What is connected has changed: the page has other widgets to show. */
export async function renewSources(): Promise<void> {
  try {
    await learnDashboard();
    if (!getState().isArranged) placeWidgets(getState().saved);
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
  }
}

export async function explain(key: string): Promise<void> {
  const question = getState().tiles.get(key)?.question ?? {};
  change({ explain: { key, explanation: null, problem: null } });
  try {
    const explanation = await fetchExplanation(key, question);
    if (getState().explain?.key === key) change({ explain: { key, explanation, problem: null } });
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    if (getState().explain?.key === key) change({ explain: { key, explanation: null, problem: error.message } });
  }
}

/** The points of a widget, or a table's rows, as a file. */
export async function downloadCsv(key: string): Promise<void> {
  const tile = getState().tiles.get(key);
  if (tile === undefined) return;
  try {
    saveFile(await fetchCsv(key, tile.question), `${key} ${tile.question.start} ${tile.question.end}.csv`);
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    tellProblem(error);
  }
}

export function saveFile(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

export async function copyLink(key: string): Promise<void> {
  const { view } = getState();
  const address = new URL(location.pathname + writeView({ ...view, open: key }), location.href).href;
  try {
    await navigator.clipboard.writeText(address);
    say("The link is copied. Who opens it needs a token of their own.");
  } catch {
    prompt("The link", address);
  }
}

/** Show the door. */
export function leave(reason: "new" | "refused" | "left"): void {
  running?.abort();
  clearTimeout(retrying);
  if (reason !== "new") forgetToken();
  askParent(reason);
  change({
    door: { reason, offered: null },
    isLoading: false,
    banner: null,
    ...(reason === "left" ? { catalog: null, tiles: new Map(), shown: null, insights: null, job: null, connections: null } : {}),
  });
}

export function enter(token: string): void {
  keepToken(token);
  change({ door: null, catalog: null, meta: null, tiles: new Map(), shown: null, insights: null, job: null, connections: null, accounts: new Map() });
  void open();
}

/** The metric of the large chart. */
export const chooseTrend = (key: string): void => {
  if (findTrend(getState()) !== key) navigate({ trend: key }, { replace: true });
};
