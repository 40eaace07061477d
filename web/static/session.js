/** The token: it comes in the address's fragment or by hand, and stays in this tab. */

const NAME = "metric-engine.token";

/**
 * Take a token out of `#token=…`, and the fragment out of the address bar and the history.
 *
 * `onother` is called with a token that is not the one of this tab: anybody may have written the link.
 */
export function takeFromAddress(onother) {
  const token = new URLSearchParams(location.hash.slice(1)).get("token")?.trim();
  if (!token) return false;
  history.replaceState(history.state, "", location.pathname + location.search);
  if (current() !== null && current() !== token) {
    onother(token);
    return false;
  }
  keep(token);
  return true;
}

export const current = () => sessionStorage.getItem(NAME);
export const keep = (token) => sessionStorage.setItem(NAME, token.trim());
export const forget = () => sessionStorage.removeItem(NAME);
