/** The HTTP API, as the page uses it. What goes wrong comes as a Problem, with words to show. */

import * as session from "./session.js";

const MOST_KEYS = 50;

/** An answer that is not a success: `status` is 0 where none came; `body` is the problem document. */
export class Problem extends Error {
  constructor(status, body) {
    super(words(body));
    this.status = status;
    this.body = body;
  }
}

/** A problem document as a sentence. */
export function words({ title, detail, errors }) {
  if (detail) return detail;
  const faults = (errors ?? []).map((fault) => fault.detail).filter(Boolean);
  return faults.length ? faults.join("; ") : (title ?? "Something went wrong.");
}

export const catalog = (signal) => ask("widgets", { signal });
export const dashboardMeta = (signal) => ask("dashboard/meta", { signal });
export const layout = (signal) => ask("dashboard/layout", { signal });
export const saveLayout = (body) => ask("dashboard/layout", { body });
export const startSync = () => ask("sync/all/run", { method: "POST" });
export const syncJob = (id) => ask(`sync/job/${encodeURIComponent(id)}`);

/** The last complete day as the server's calendar has it: where its own default window ends. */
export const lastDay = async (key, signal) => (await ask(`widgets/${encodeURIComponent(key)}`, { signal })).meta.end;

/** The answers by key: one request, or as few as the server's limit on keys allows. */
export async function answers(keys, question, signal) {
  const requests = [];
  for (let first = 0; first < keys.length; first += MOST_KEYS) {
    const body = { keys: keys.slice(first, first + MOST_KEYS), ...question };
    requests.push(ask("widgets/batch", { body, signal }));
  }
  return Object.assign({}, ...(await Promise.all(requests)).map((answer) => answer.widgets));
}

/** What happened, in a few sentences; days have no grain here. */
export function insights({ start, end, compare, sources }, signal) {
  const query = new URLSearchParams({ start, end, compare });
  if (sources !== undefined) query.set("sources", sources);
  return ask(`insights?${query}`, { signal });
}

async function ask(path, { body, signal, method = body ? "POST" : "GET" } = {}) {
  const headers = { Accept: "application/json", Authorization: `Bearer ${session.current()}` };
  if (body) headers["Content-Type"] = "application/json";
  const request = { method, headers, body: body && JSON.stringify(body), signal };
  let response;
  try {
    response = await fetch(new URL(`v1/${path}`, document.baseURI), request);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { detail: "The server does not answer. Check that it runs, then try again." });
  }
  const content = await response.json().catch(() => ({ title: `The server answered ${response.status}.` }));
  if (!response.ok) throw new Problem(response.status, content);
  return content;
}
