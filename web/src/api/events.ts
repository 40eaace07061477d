/** The stream of what changes: read with fetch, since an EventSource cannot send a token. */

import { Refusal, fetchAddress } from "./client";
import { getToken } from "./session";

export interface EventListener {
  (event: "catalog" | "data" | "sync", data: unknown): void;
}

const PAUSE = 2_000;

/** Listen until the signal says no, and connect again wherever the stream ends. */
export async function followEvents(tell: EventListener, signal: AbortSignal): Promise<void> {
  let lastId = "";
  while (!signal.aborted) {
    try {
      const response = await openStream(lastId, signal);
      for await (const block of readBlocks(response)) {
        const fields = new Map(block.split("\n").map((line) => [line.split(": ", 1)[0] ?? "", line.replace(/^\w*: /, "")]));
        lastId = fields.get("id") ?? lastId;
        const event = fields.get("event");
        if (event === "catalog" || event === "data" || event === "sync") tell(event, JSON.parse(fields.get("data") ?? "null"));
      }
    } catch (error) {
      if (signal.aborted || (error instanceof Refusal && error.status === 401)) return;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

async function openStream(lastId: string, signal: AbortSignal): Promise<Response> {
  if (lastId === "") return fetchAddress("v1/events", "text/event-stream", signal);
  const headers = { Accept: "text/event-stream", Authorization: `Bearer ${getToken()}`, "Last-Event-ID": lastId };
  const response = await fetch(new URL("v1/events", document.baseURI), { headers, signal });
  if (!response.ok) throw new Refusal(response.status, response.statusText, PAUSE);
  return response;
}

async function* readBlocks(response: Response): AsyncGenerator<string> {
  if (response.body === null) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop() ?? "";
    yield* blocks;
  }
}
