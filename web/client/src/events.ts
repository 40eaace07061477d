/** The stream of what changes: read with fetch, since an EventSource cannot send a token. */

import { ProblemError } from "./problem.js";
import type { Transport } from "./transport.js";
import type { components } from "./types.js";

type Schemas = components["schemas"];

/** What to do about each kind of event. */
export interface EventListeners {
  catalog?(event: Schemas["CatalogEvent"]): void;
  data?(event: Schemas["DataEvent"]): void;
  sync?(job: Schemas["SyncJob"]): void;
}

const PAUSE = 2_000;

/** Listen until the signal says no, and connect again wherever the stream ends; a refused token ends it. */
export async function readEvents(transport: Transport, listeners: EventListeners, signal: AbortSignal): Promise<void> {
  let lastId = "";
  while (!signal.aborted) {
    try {
      const headers = { Accept: "text/event-stream", ...(lastId === "" ? {} : { "Last-Event-ID": lastId }) };
      const response = await transport.fetch("v1/events", headers, signal);
      for await (const block of readBlocks(response)) {
        const fields = new Map(block.split("\n").map((line) => [line.split(": ", 1)[0] ?? "", line.replace(/^\w*: /, "")]));
        lastId = fields.get("id") ?? lastId;
        const event = fields.get("event");
        if (event === "catalog" || event === "data" || event === "sync") {
          listeners[event]?.(JSON.parse(fields.get("data") ?? "null") as never);
        }
      }
    } catch (error) {
      if (signal.aborted || (error instanceof ProblemError && error.status === 401)) return;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

async function* readBlocks({ body }: Response): AsyncGenerator<string> {
  if (body === null) return;
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop() ?? "";
    yield* blocks;
  }
}
