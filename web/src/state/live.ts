/** What happens elsewhere: syncs, new data, other metric files. */

import { ProblemError, type Schemas, type SyncJob, cancelSync, client, fetchSync, startSync } from "../api/client";
import { getToken } from "../api/session";
import { askAgain, learnAccounts, learnConnections, leave, placeWidgets, refreshInsights, renewSources, tellProblem } from "./actions";
import { isInHand } from "./arrangement";
import { change, getState, say } from "./store";

let following: AbortController | null = null;
let followed: string | null = null;
let catalogVersion: string | null = null;
let dataVersion: number | null = null;
let reported: string | null = null;
// The job that this page asked for, whose outcome is told even where it has ended before the page has seen it run.
let begun: string | null = null;

/** Follow what happens to this token's user, once. */
export function follow(): void {
  const token = getToken();
  if (followed === token) return;
  following?.abort();
  followed = token;
  catalogVersion = dataVersion = null;
  if (token === null) return;
  following = new AbortController();
  const listeners = {
    catalog: (event: Schemas["CatalogEvent"]) => void takeCatalog(event),
    data: (event: Schemas["DataEvent"]) => void takeData(event),
    sync: takeJob,
  };
  void client.followEvents(listeners, following.signal);
}

async function takeCatalog({ version, hashes, diagnostics }: Schemas["CatalogEvent"]): Promise<void> {
  change({ rejected: diagnostics.reduce((sum, { count }) => sum + count, 0) });
  const isFirst = catalogVersion === null;
  if (catalogVersion === version) return;
  catalogVersion = version;
  if (isFirst || getState().catalog === null) return;
  try {
    const catalog = await client.getCatalog();
    const before = new Set(getState().places.map(({ id }) => id));
    change({ catalog });
    if (!isInHand()) placeWidgets(getState().saved);
    const added = getState().places.map(({ id }) => id).filter((key) => !before.has(key));
    await askAgain([...new Set([...added, ...Object.keys(hashes).filter((key) => hashes[key] !== null)])]);
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
  }
}

async function takeData({ version }: Schemas["DataEvent"]): Promise<void> {
  const isFirst = dataVersion === null;
  if (dataVersion === version) return;
  dataVersion = version;
  if (isFirst || getState().catalog === null) return;
  await renewSources();
  await askAgain();
  refreshInsights();
  void learnAccounts();
  if (getState().connections !== null) void learnConnections();
}

function takeJob(job: SyncJob): void {
  const isKnown = job.id === begun || job.id === getState().job?.id;
  change({ job });
  if (job.finished_at === null || reported === job.id || !isKnown) return;
  reported = job.id;
  say(describeOutcome(job));
  if (isWanted) void syncNow();
  void renewSources();
  if (getState().connections !== null) void learnConnections();
}

export const isRunning = (job: SyncJob | null): job is SyncJob => job !== null && job.finished_at === null;

const countRows = (job: SyncJob): number => Object.values(job.sources).reduce((sum, { rows }) => sum + rows, 0);

export function describeOutcome(job: SyncJob): string {
  const rows = countRows(job).toLocaleString();
  switch (job.status) {
    case "succeeded":
      return `The data is up to date: ${rows} rows read.`;
    case "partial":
      return `Some accounts could not be read; ${rows} rows of the others are in.`;
    case "cancelled":
      return "The sync was cancelled.";
    default:
      return "The sync has failed; its accounts say why.";
  }
}

export function openDrawer(): void {
  change({ isDrawerOpen: true });
  void learnConnections();
}

/** Begin a sync and open the drawer that shows it. */
export async function syncNow(): Promise<void> {
  openDrawer();
  isWanted = false;
  try {
    const { job_id } = await startSync();
    begun = job_id;
    takeJob(await fetchSync(job_id));
    void pollJob(job_id);
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    if (error.status === 401) leave("refused");
    else tellProblem(error);
  }
}

let isWanted = false;

/** Sync what was just connected: the sync that runs may have passed it by, so that another comes after it. */
export function syncSoon(): void {
  isWanted = isRunning(getState().job);
  if (!isWanted) void syncNow();
}

const POLL_TIME = 1_500;

/** Look at the job too, where no event tells of it: a proxy may hold the stream back. */
async function pollJob(id: string): Promise<void> {
  while (getState().job?.id === id && isRunning(getState().job)) {
    await new Promise((resolve) => setTimeout(resolve, POLL_TIME));
    if (!isRunning(getState().job)) return;
    const job = await fetchSync(id).catch(() => null);
    if (job !== null) takeJob(job);
  }
}

export async function cancelJob(): Promise<void> {
  const { job } = getState();
  if (!isRunning(job)) return;
  try {
    await cancelSync(job.id);
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    tellProblem(error);
  }
}
