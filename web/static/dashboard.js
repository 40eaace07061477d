/** The page: it asks the API what the view wants to know, and keeps the cards showing it. */

import * as api from "./api.js";
import { arranger, endArranging } from "./arrange.js";
import { controls } from "./controls.js";
import { span, yesterday } from "./dates.js";
import { byId, h } from "./dom.js";
import { askToReplace, entrance } from "./entrance.js";
import { tell } from "./insights.js";
import { placesOf, toSave } from "./layout.js";
import * as session from "./session.js";
import { outcome, sync } from "./sync.js";
import { SOURCES, daysOf, learnSources, questionOf, readView, writeView } from "./view.js";
import { card, fill, freshness } from "./widget.js";

const every = (value) => Object.fromEntries(SOURCES.map(({ id }) => [id, value]));

const page = {
  view: readView(location.search),
  lastDay: yesterday(),
  entries: new Map(),
  units: new Map(),
  // What is connected is told by the server; until it has, every source may be.
  connected: every(true),
  told: false,
  saved: null,
  places: [],
  cards: new Map(),
  answers: {},
};
let running = null;
let leaveArranging = null;

const askForToken = entrance(() => open());
const showControls = controls((change) => {
  page.view = { ...page.view, ...change };
  history.pushState(null, "", location.pathname + writeView(page.view));
  ask();
});

/** Everything from the start: the catalog, what is saved, what is connected, then the answers. */
async function open() {
  byId("leave").hidden = session.current() === null;
  if (session.current() === null) return askForToken("It needs a token that says whose figures to show.");
  await attempt(async (signal) => {
    const { widgets: entries, sources } = await api.catalog(signal);
    learnSources(sources);
    // The sources of the address are known only now.
    page.view = readView(location.search);
    const optional = (promise) => promise.catch((error) => ignore(error));
    const [meta, saved, lastDay] = await Promise.all([
      optional(api.dashboardMeta(signal)),
      optional(api.layout(signal)),
      entries.length ? optional(api.lastDay(entries[0].key, signal)) : null,
    ]);
    page.entries = new Map(entries.map((entry) => [entry.key, entry]));
    page.units = new Map(entries.map((entry) => [entry.title, entry.format]));
    page.lastDay = lastDay ?? yesterday();
    page.told = meta !== null;
    page.connected = meta?.connected_sources ?? every(true);
    page.saved = saved;
    page.places = placesOf(saved, entries);
    page.answers = {};
    page.cards.clear();
    stopArranging();
    byId("freshness").textContent = meta ? freshness(meta) : "";
    byId("arrange").disabled = saved === null;
    byId("sync").hidden = meta === null || !Object.values(page.connected).some(Boolean);
    drawGrid();
    await answer(signal);
  });
}

/** The answers again, for another view. */
const ask = () => (page.entries.size ? attempt(answer) : open());

async function answer(signal) {
  showView();
  const keys = page.places.map((place) => place.id);
  const question = questionOf(page.view, page.lastDay);
  tell(question, signal);
  if (!keys.length) return;
  const answers = await api.answers(keys, question, signal);
  page.answers = answers;
  if (!page.told && page.view.sources === null) learnConnected(Object.values(answers));
  showView();
  fillCards();
  say(`${keys.length} widgets show ${byId("period").textContent}`);
}

/** Run the newest task only; a refused token asks for another, anything else is shown with a way to try again. */
async function attempt(task) {
  running?.abort();
  const mine = (running = new AbortController());
  const grid = byId("grid");
  grid.setAttribute("aria-busy", "true");
  try {
    await task(mine.signal);
    notice(null);
  } catch (error) {
    if (error.name === "AbortError" || mine !== running) return;
    if (!(error instanceof api.Problem)) throw error;
    if (error.status === 401) askForToken(`The token was refused: ${error.message}.`);
    else notice(error.message, open);
  } finally {
    if (mine === running) grid.setAttribute("aria-busy", "false");
  }
}

/** What the page does without when it fails; a refused token or a newer request is not such a thing. */
function ignore(error) {
  if (error instanceof api.Problem && error.status !== 401) return null;
  throw error;
}

function learnConnected(answers) {
  const missing = new Set(answers.flatMap((one) => one.meta?.missing_sources ?? []));
  page.connected = Object.fromEntries(SOURCES.map(({ id }) => [id, !missing.has(id)]));
}

function showView() {
  const { start, end } = daysOf(page.view, page.lastDay);
  const comparison = Object.values(page.answers).find((one) => one.comparison)?.comparison;
  const against = comparison && page.view.compare !== "off" ? ` against ${span(comparison.start, comparison.end)}` : "";
  byId("period").textContent = span(start, end) + against;
  showControls(page.view, page.lastDay, page.connected);
  if (page.entries.size && !Object.values(page.connected).some(Boolean)) welcome();
}

function welcome() {
  const tell = byId("notice");
  tell.replaceChildren(
    h("strong", {}, "No source is connected yet."),
    h("p", {}, "Connect Google Analytics, Instagram or Meta Ads, or bring in an export with ",
      h("code", {}, "metric-engine load"), ". The widgets fill as soon as there is data."),
  );
  tell.className = "notice welcome";
}

function drawGrid() {
  const nodes = page.places.map(({ id, size }) => {
    if (!page.cards.has(id)) page.cards.set(id, card(page.entries.get(id)));
    const node = page.cards.get(id);
    node.dataset.size = size;
    return node;
  });
  byId("grid").replaceChildren(...nodes);
}

function fillCards() {
  const { units, connected } = page;
  for (const { id } of page.places) {
    const found = page.answers[id];
    if (found) fill(page.cards.get(id), page.entries.get(id), found, { units, connected });
  }
}

/** Bring the data up to date, then show it; what could not be read is told with what to do. */
async function syncNow() {
  const button = byId("sync");
  const show = (progress) => (button.textContent = `Syncing… ${Math.round(progress * 100)} %`);
  button.disabled = true;
  show(0);
  try {
    const { text, good } = outcome(await sync(show));
    await open();
    if (good) say(text);
    else notice(text);
  } catch (error) {
    if (!(error instanceof api.Problem)) throw error;
    if (error.status === 401) askForToken(`The token was refused: ${error.message}.`);
    else notice(error.message);
  } finally {
    button.disabled = false;
    button.textContent = "Sync now";
  }
}

function say(text) {
  byId("status").textContent = text;
}

/** A message above the widgets, with a way to try again where there is one; null takes it away. */
function notice(text, retry) {
  const tell = byId("notice");
  const none = page.entries.size && !Object.values(page.connected).some(Boolean);
  tell.hidden = text === null && !none;
  if (text === null) return;
  tell.className = "notice";
  tell.replaceChildren(h("p", {}, text), retry ? h("button", { type: "button", class: "button", onclick: retry }, "Try again") : "");
}

function beginArranging() {
  const before = page.places;
  const end = () => {
    stopArranging();
    drawGrid();
    byId("arrange").focus();
  };
  const redraw = (places) => {
    const added = places.filter((place) => !page.answers[place.id]);
    page.places = places;
    drawGrid();
    fillCards();
    if (added.length) ask();
  };
  const cancel = () => {
    page.places = before;
    end();
    fillCards();
  };
  const save = async (places) => {
    try {
      page.saved = await api.saveLayout(toSave(places, page.saved, [...page.entries.values()]));
      end();
      say("The arrangement is saved");
    } catch (error) {
      if (!(error instanceof api.Problem)) throw error;
      if (error.status === 401) askForToken(`The token was refused: ${error.message}.`);
      else if (error.status === 409 && error.body.layout) takeNewer(error.body.layout, end);
      else notice(error.message);
    }
  };
  byId("arrange").setAttribute("aria-pressed", "true");
  leaveArranging = cancel;
  arranger({ places: before, entries: page.entries }, { redraw, say, save, cancel });
}

function stopArranging() {
  byId("arrange").setAttribute("aria-pressed", "false");
  endArranging();
}

function takeNewer(layout, end) {
  page.saved = layout;
  page.places = placesOf(layout, [...page.entries.values()]);
  end();
  ask().then(() => notice("The arrangement was saved elsewhere in the meantime. This is the newer one; yours was not saved."));
}

byId("arrange").addEventListener("click", () => {
  if (byId("arranging").hidden) beginArranging();
  else leaveArranging();
});
byId("refresh").addEventListener("click", () => open());
byId("sync").addEventListener("click", syncNow);
byId("leave").addEventListener("click", () => {
  session.forget();
  location.reload();
});
const takeToken = () => session.takeFromAddress((token) => askToReplace(token, open));
addEventListener("hashchange", () => takeToken() && open());
addEventListener("popstate", () => {
  page.view = readView(location.search);
  ask();
});

takeToken();
showView();
open();
