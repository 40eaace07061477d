/** A breakdown as horizontal bars: a member's whole period, with a mark where the compared period stood. */

import { h, svg } from "./dom.js";
import { change, exact, headline } from "./format.js";

export function bars(model, better) {
  const sizes = model.series.flatMap(({ stats }) => [stats.value, stats.previous]).map((value) => Math.abs(value ?? 0));
  const most = Math.max(...sizes) || 1;
  return h("ol", { class: "bars" }, model.series.map((one) => row(one, better, most)));
}

function row({ name, colour, stats, unit }, better, most) {
  const share = (value) => `${((Math.abs(value ?? 0) / most) * 100).toFixed(2)}%`;
  const changed = change(stats, better, unit);
  return h("li", {},
    h("span", { class: "member", title: name }, name),
    h("span", { class: "figure" }, headline(stats.value, unit)),
    h("span", { class: `delta ${changed?.tone ?? ""}` }, changed && [
      h("span", { "aria-hidden": "true" }, `${changed.arrow} ${changed.text}`),
      h("span", { class: "hidden" }, `${changed.spoken}, before ${exact(stats.previous, unit)}`),
    ]),
    svg("svg", { class: "bar", width: "100%", height: 8, "aria-hidden": "true" },
      svg("rect", { class: "track", width: "100%", height: 8, rx: 3 }),
      svg("rect", { class: `block ${colour === "other" ? colour : "c0"}`, width: share(stats.value), height: 8, rx: 3 }),
      stats.previous !== null && svg("line", { class: "mark", x1: share(stats.previous), x2: share(stats.previous), y1: -1, y2: 9 }),
    ),
  );
}
