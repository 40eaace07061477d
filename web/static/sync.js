/** The sync: begun, watched until it ends, and told of in words. */

import * as api from "./api.js";
import { sourceNamed } from "./view.js";

const LOOK_AGAIN = 500;

const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));

/** Run a sync to its end, or go on with the one that runs; `progress` hears of each step, 0 to 1. */
export async function sync(progress) {
  const { job_id: id } = await api.startSync();
  for (;;) {
    const job = await api.syncJob(id);
    if (job.finished_at) return job;
    progress(job.progress);
    await pause(LOOK_AGAIN);
  }
}

/** What a job came to: `{text, good}`. */
export function outcome(job) {
  if (job.status === "cancelled") return { text: "The sync was cancelled.", good: false };
  const sources = Object.entries(job.sources);
  const faults = sources.filter(([, part]) => part.error).map(([id, part]) => `${sourceNamed(id).label}: ${part.error}`);
  if (faults.length) return { text: faults.join(" "), good: false };
  return { text: job.detail ?? "The data is up to date.", good: job.status === "succeeded" };
}
