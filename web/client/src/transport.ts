/** Requests with a token, which try again where the server says when. */

import { describeSilence, readProblem, readWait } from "./problem.js";

type Token = string | null;

export interface ClientOptions {
  /** Where the server is; `/v1` comes after it. */
  readonly baseUrl: string;
  /** The access token, or what gives one: it is asked before each request, and again after a 401. */
  readonly token: Token | (() => Token | Promise<Token>);
  /** How often a request is tried again after 429, a fault of the server or, of a GET, silence: 2 unless said. */
  readonly retries?: number;
}

// Whoever waits longer than this for one number has gone.
const MAX_WAIT = 30;

export class Transport {
  constructor(readonly options: ClientOptions) {}

  readonly baseUrl = (): string => this.options.baseUrl.replace(/\/+$/, "");

  /** Ask, and ask again where that can help. Raises ProblemError where no answer comes. */
  readonly send = async (request: Request): Promise<Response> => {
    const { retries = 2 } = this.options;
    const body = request.body === null ? null : await request.text();
    let token = await this.readToken();
    let isRenewed = false;
    for (let attempt = 0; ; ) {
      const response = await sendOnce(request, body, token);
      if (response?.status === 401 && !isRenewed) {
        const next = await this.readToken();
        [isRenewed, token] = [true, next === token ? null : next];
        if (token !== null) continue;
        return response;
      }
      const wait = response === null ? (request.method === "GET" ? 1 : null) : readWait(response);
      if (wait !== null && attempt < retries) {
        attempt += 1;
        await pause(Math.min(wait, MAX_WAIT), request.signal);
      } else if (response === null) throw describeSilence();
      else return response;
    }
  };

  /** Fetch a path under the server. Raises ProblemError. */
  async fetch(path: string, headers: Record<string, string> = {}, signal?: AbortSignal): Promise<Response> {
    const response = await this.send(new Request(`${this.baseUrl()}/${path}`, { headers, ...(signal ? { signal } : {}) }));
    if (!response.ok) throw readProblem(response, await response.json().catch(() => null));
    return response;
  }

  private async readToken(): Promise<Token> {
    const { token } = this.options;
    return typeof token === "function" ? token() : token;
  }
}

/** The response; null where none came. */
async function sendOnce({ url, method, headers: given, signal }: Request, body: string | null, token: Token): Promise<Response | null> {
  const headers = new Headers(given);
  if (token !== null) headers.set("Authorization", `Bearer ${token}`);
  try {
    return await fetch(url, { method, headers, body, signal });
  } catch (error) {
    if (signal.aborted) throw error;
    return null;
  }
}

/** Wait, or stop waiting where the signal says so. */
function pause(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, seconds * 1000);
    signal.addEventListener("abort", stop, { once: true });
  });
}
