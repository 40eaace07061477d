/** The controls above the widgets: they show a view and tell of another one that is wanted. */

import { isDay } from "./dates.js";
import { byId, h } from "./dom.js";
import { GRAINS, RANGES, SOURCES, daysOf } from "./view.js";

/** Wire the controls; `onchange` is called with the properties of the view that change. */
export function controls(onchange) {
  const [start, end, compare] = ["start", "end", "compare"].map(byId);
  const ranges = segments("ranges", RANGES, (id) => onchange({ range: id, start: null, end: null }));
  const grains = segments("grains", GRAINS, (id) => onchange({ grain: id }));
  let shown = null;

  compare.addEventListener("change", () => onchange({ compare: compare.value }));
  for (const input of [start, end]) input.addEventListener("change", () => dates(input));
  byId("controls").addEventListener("submit", (event) => event.preventDefault());
  return show;

  /** `connected` is whether each source is, by its name. */
  function show(view, lastDay, connected) {
    shown = { view, connected };
    const days = daysOf(view, lastDay);
    start.value = days.start;
    end.value = days.end;
    end.setCustomValidity("");
    compare.value = view.compare;
    press(ranges, view.range);
    press(grains, view.grain);
    const focused = document.activeElement?.dataset.source;
    byId("sources").replaceChildren(...SOURCES.map((source) => toggle(source, shown)));
    if (focused) byId("sources").querySelector(`[data-source="${focused}"]`)?.focus();
  }

  function dates(changed) {
    if (!isDay(start.value) || !isDay(end.value)) return;
    // The other end follows, so that one change is never an impossible range.
    if (start.value > end.value) (changed === start ? end : start).value = changed.value;
    onchange({ range: null, start: start.value, end: end.value });
  }

  function toggle({ id, label, short }, { view, connected }) {
    const on = connected[id] && (view.sources === null || view.sources.includes(id));
    const title = connected[id] ? label : `${label} is not connected`;
    return h("button", {
      type: "button", class: "toggle", "data-source": id, title, disabled: !connected[id],
      "aria-pressed": String(on), onclick: () => onchange({ sources: toggled(id) }),
    }, short, !connected[id] && h("span", { class: "hidden" }, " (not connected)"));
  }

  function toggled(id) {
    const { view, connected } = shown;
    const all = SOURCES.map((source) => source.id).filter((source) => connected[source]);
    const on = new Set(view.sources ?? all);
    if (!on.delete(id)) on.add(id);
    const kept = all.filter((source) => on.has(source));
    return kept.length === all.length ? null : kept;
  }
}

function segments(place, choices, onpick) {
  const buttons = choices.map(({ id, label }) =>
    h("button", { type: "button", value: id, onclick: () => onpick(id) }, label),
  );
  byId(place).replaceChildren(...buttons);
  return buttons;
}

const press = (buttons, value) => {
  for (const button of buttons) button.setAttribute("aria-pressed", String(button.value === value));
};
