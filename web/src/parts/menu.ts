/** Menus that open under their button: details elements, which close by Escape and by a click elsewhere. */

import { type TemplateResult, html, nothing } from "lit";

export interface MenuItem {
  label: string;
  act: () => unknown;
  checked?: boolean;
  disabled?: boolean;
}

/** A button with a list of things to do. */
export function menu(label: unknown, name: string, items: readonly MenuItem[], kind = ""): TemplateResult {
  return html`<details class="menu ${kind}">
    <summary aria-label=${name} title=${name}>${label}</summary>
    <ul class="panel list">
      ${items.map(
        ({ label: text, act, checked, disabled }) => html`<li>
          <button type="button" ?disabled=${disabled ?? false} aria-pressed=${checked === undefined ? nothing : String(checked)} @click=${(event: Event) => {
            closeMenu(event.target);
            act();
          }}>${text}</button>
        </li>`,
      )}
    </ul>
  </details>`;
}

/** Close the menu that holds the element, and put the focus back on its button. */
export function closeMenu(inside: EventTarget | null): void {
  const details = inside instanceof Element ? inside.closest("details.menu") : null;
  if (!(details instanceof HTMLDetailsElement)) return;
  details.open = false;
  details.querySelector("summary")?.focus();
}

/** Close open menus by Escape and by a click elsewhere; opening one closes the others. */
export function watchMenus(): void {
  const listOpen = () => document.querySelectorAll<HTMLDetailsElement>("details.menu[open]");
  addEventListener("pointerdown", (event) => {
    for (const details of listOpen()) if (!details.contains(event.target as Node)) details.open = false;
  });
  addEventListener("focusin", (event) => {
    for (const details of listOpen()) if (!details.contains(event.target as Node)) details.open = false;
  });
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const [details] = listOpen();
    if (details === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    closeMenu(details);
  });
}
