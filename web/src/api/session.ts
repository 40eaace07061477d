/** The token: it comes in the address's fragment or by hand, and stays in this tab. */

const NAME = "metric-engine.token";

let held: string | null = null;

/** The tab's storage; null where the browser refuses it, as it may in a frame on another site. */
function getStorage(): Storage | null {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}

const storage = getStorage();

export const getToken = (): string | null => (storage === null ? held : storage.getItem(NAME));

export const keepToken = (token: string): void => {
  held = token.trim();
  storage?.setItem(NAME, held);
};

export function forgetToken(): void {
  held = null;
  storage?.removeItem(NAME);
}

/**
 * Take a token out of `#token=…`, and the fragment out of the address bar and the history.
 *
 * Returns the token where it is not the one of this tab: anybody may have written the link.
 */
export function takeTokenFromAddress(): string | null {
  const token = new URLSearchParams(location.hash.slice(1)).get("token")?.trim();
  if (!token) return null;
  history.replaceState(history.state, "", location.pathname + location.search);
  if (getToken() !== null && getToken() !== token) return token;
  keepToken(token);
  return null;
}

/** What the token says of whose it is: text from outside, which nobody here has verified. */
export function readTokenName(): string | null {
  const payload = getToken()?.split(".")[1];
  if (payload === undefined) return null;
  try {
    const bytes = Uint8Array.from(atob(payload.replaceAll("-", "+").replaceAll("_", "/")), (sign) => sign.charCodeAt(0));
    const name: unknown = (JSON.parse(new TextDecoder().decode(bytes)) as { name?: unknown }).name;
    return typeof name === "string" && name.trim() !== "" ? name.trim().slice(0, 80) : null;
  } catch {
    return null;
  }
}
