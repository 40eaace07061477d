/** The token: it comes in the address's fragment or by hand, and stays in this tab. */

const NAME = "metric-engine.token";

/** Take a token out of `#token=…`, and the fragment out of the address bar and the history. */
export function takeFromAddress() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!token) return false;
  keep(token);
  history.replaceState(history.state, "", location.pathname + location.search);
  return true;
}

export const current = () => sessionStorage.getItem(NAME);
export const keep = (token) => sessionStorage.setItem(NAME, token.trim());
export const forget = () => sessionStorage.removeItem(NAME);
