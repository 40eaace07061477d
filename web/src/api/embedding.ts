/**
 * In a frame the page takes its token from the page around it.
 *
 * The server's policy (FRAME_ANCESTORS) has let none but the origins that it names show this page in a frame, so that the
 * window around it is one of them; no other window is heard.
 */

const isFramed = (): boolean => window.parent !== window;

/** Take each token that the page around sends, and tell it that one can be taken. */
export function followParent(take: (token: string) => void): void {
  if (!isFramed()) return;
  addEventListener("message", ({ source, data }: MessageEvent<unknown>) => {
    if (source !== window.parent || typeof data !== "object" || data === null) return;
    const { type, token } = data as { type?: unknown; token?: unknown };
    if (type === "metric-token" && typeof token === "string" && token.trim() !== "") take(token);
  });
}

/** Tell the page around that a token is needed; nothing in it is secret. */
export function askParent(reason: "new" | "refused" | "left"): void {
  if (isFramed()) window.parent.postMessage({ type: "metric-token-needed", reason }, "*");
}
