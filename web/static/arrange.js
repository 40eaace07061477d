/** The mode in which widgets are moved, resized, taken off and put back: by button, by key or by dragging. */

import { byId, h } from "./dom.js";
import { SIZES, moved, placeOf } from "./layout.js";

/**
 * Begin to arrange. `draft` has `places` and `entries` by key; `redraw(places)` shows them, `say(text)` announces;
 * `save(places)` and `cancel()` end it. Gives what decorates the cards after every redraw.
 */
export function arranger(draft, { redraw, say, save, cancel }) {
  const bar = byId("arranging");
  let { places } = draft;
  let dragged = null;

  const change = (next, focus) => {
    places = next;
    redraw(places);
    show();
    if (focus) document.querySelector(`[data-key="${CSS.escape(focus.key)}"] [data-act="${focus.act}"]`)?.focus();
  };
  const move = (key, to, act) => {
    const from = places.findIndex((place) => place.id === key);
    const target = Math.max(0, Math.min(places.length - 1, to(from)));
    if (target === from) return;
    change(moved(places, from, target), act && { key, act });
    say(`${draft.entries.get(key).title}: place ${target + 1} of ${places.length}`);
  };

  function show() {
    const there = new Set(places.map((place) => place.id));
    const absent = [...draft.entries.values()].filter((entry) => !there.has(entry.key));
    bar.replaceChildren(
      h("p", {}, "Drag the widgets, or use their buttons."),
      absent.length > 0 && h("div", { class: "absent" }, "Not shown:", absent.map(add)),
      h("div", { class: "actions" },
        h("button", { type: "button", class: "button", onclick: cancel }, "Cancel"),
        h("button", { type: "button", class: "button primary", onclick: () => save(places) }, "Save"),
      ),
    );
    bar.hidden = false;
    for (const place of places) decorate(document.querySelector(`[data-key="${CSS.escape(place.id)}"]`), place);
  }

  const add = (entry) =>
    h("button", { type: "button", class: "button", onclick: () => change([...places, placeOf(entry)], { key: entry.key, act: "earlier" }) },
      `+ ${entry.title}`);

  function decorate(card, { id, size }) {
    card.querySelector(".handles")?.remove();
    const { title } = draft.entries.get(id);
    const button = (act, text, label, onclick) =>
      h("button", { type: "button", "data-act": act, "aria-label": `${label}: ${title}`, title: label, onclick }, text);
    const resize = (event) =>
      change(places.map((place) => (place.id === id ? { ...place, size: event.target.value } : place)), { key: id, act: "size" });
    card.prepend(
      h("div", { class: "handles" },
        button("earlier", "←", "Move earlier", () => move(id, (from) => from - 1, "earlier")),
        button("later", "→", "Move later", () => move(id, (from) => from + 1, "later")),
        h("select", { "data-act": "size", "aria-label": `Size: ${title}`, onchange: resize },
          SIZES.map((choice) => h("option", { value: choice.id, selected: choice.id === size }, choice.label))),
        button("remove", "✕", "Take off", () => {
          change(places.filter((place) => place.id !== id));
          say(`${title} is taken off`);
        }),
      ),
    );
    card.draggable = true;
    card.ondragstart = (event) => {
      dragged = id;
      event.dataTransfer.effectAllowed = "move";
      card.classList.add("dragged");
    };
    card.ondragend = () => {
      dragged = null;
      card.classList.remove("dragged");
    };
    card.ondragover = (event) => dragged && event.preventDefault();
    card.ondrop = (event) => {
      event.preventDefault();
      const to = places.findIndex((place) => place.id === id);
      if (dragged && dragged !== id) move(dragged, () => to);
    };
  }

  show();
}

/** Take the handles off the cards again. */
export function endArranging() {
  byId("arranging").hidden = true;
  for (const card of document.querySelectorAll(".card")) {
    card.querySelector(".handles")?.remove();
    card.draggable = false;
    card.ondragstart = card.ondragend = card.ondragover = card.ondrop = null;
  }
}
