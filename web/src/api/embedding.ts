/**
 * In a frame the page takes its token from the page around it.
 *
 * The server's policy (FRAME_ANCESTORS) has let none but the origins that it names show this page in a frame, so that the
 * window around it is one of them; no other window is heard.
 */

const isFramed = (): boolean => window.parent !== window;

/** The pause before the page around is asked again, whose script may not have run yet; it doubles up to the last one. */
const FIRST_PAUSE = 1_000;
const LAST_PAUSE = 32_000;
let asking: ReturnType<typeof setTimeout> | undefined;

/** Take each token that the page around sends, and tell it that one can be taken. */
export function followParent(take: (token: string) => void): void {
  if (!isFramed()) return;
  addEventListener("message", ({ source, data }: MessageEvent<unknown>) => {
    if (source !== window.parent || typeof data !== "object" || data === null) return;
    const { type, token } = data as { type?: unknown; token?: unknown };
    if (type === "metric-token" && typeof token === "string" && token.trim() !== "") {
      clearTimeout(asking);
      take(token);
    }
  });
}

/** Tell the page around that a token is needed, until one comes; nothing in it is secret. */
export function askParent(reason: "new" | "refused" | "left", pause = FIRST_PAUSE): void {
  clearTimeout(asking);
  if (!isFramed()) return;
  window.parent.postMessage({ type: "metric-token-needed", reason }, "*");
  asking = setTimeout(() => askParent(reason, Math.min(2 * pause, LAST_PAUSE)), pause);
}
