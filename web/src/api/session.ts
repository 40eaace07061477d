/** The token: it comes in the address's fragment or by hand, and stays in this tab. */

const NAME = "metric-engine.token";

export const getToken = (): string | null => sessionStorage.getItem(NAME);
export const keepToken = (token: string): void => sessionStorage.setItem(NAME, token.trim());
export const forgetToken = (): void => sessionStorage.removeItem(NAME);

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
