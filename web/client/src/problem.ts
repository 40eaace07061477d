/** What goes wrong between a client and the server, as one kind of error. */

import type { components } from "./types.js";

export type Fault = components["schemas"]["Fault"];

export const DEFAULT_WAIT = 5;

/**
 * An answer that is no success: `status` is 0 where none came, `wait` the seconds until it is worth another try, and
 * `body` the problem document (RFC 9457).
 */
export class ProblemError extends Error {
  override readonly name = "ProblemError";

  constructor(
    readonly status: number,
    message: string,
    readonly wait: number | null,
    readonly body: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
  }

  /** The stable code of the problem, such as `unknown-widget`; null where the answer has none. */
  get code(): string | null {
    const { type } = this.body;
    return typeof type === "string" && type.startsWith("/problems/") ? type.slice("/problems/".length) : null;
  }

  /** Each parameter, or place in the body, that is wrong. */
  get errors(): readonly Fault[] {
    return Array.isArray(this.body["errors"]) ? (this.body["errors"] as Fault[]) : [];
  }
}

export const describeSilence = (): ProblemError => new ProblemError(0, "The server does not answer.", DEFAULT_WAIT);

/** The error that a response stands for, with what its body says. */
export function readProblem(response: Response, found: unknown): ProblemError {
  const body = typeof found === "object" && found !== null ? (found as Record<string, unknown>) : {};
  return new ProblemError(response.status, describeProblem(body, response.status), readWait(response), body);
}

/** The seconds until it is worth another try; null where it would be refused again. */
export function readWait({ status, headers }: Response): number | null {
  if (status !== 429 && status < 500) return null;
  return Number(headers.get("Retry-After")) || DEFAULT_WAIT;
}

/** A problem document as a sentence. */
export function describeProblem(body: Readonly<Record<string, unknown>>, status: number): string {
  const faults = Array.isArray(body["errors"]) ? (body["errors"] as { detail?: unknown }[]) : [];
  const details = faults.map(({ detail }) => detail).filter((detail) => typeof detail === "string");
  if (details.length > 0) return `${details.join("; ")}.`;
  if (typeof body["detail"] === "string" && body["detail"] !== "") return body["detail"];
  return typeof body["title"] === "string" ? body["title"] : `The server answered ${status}.`;
}
