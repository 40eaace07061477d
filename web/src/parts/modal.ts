/** A dialog that is modal as long as it is on the page, and tells when somebody closes it. */

import { noChange } from "lit";
import { AsyncDirective, directive } from "lit/async-directive.js";
import type { ElementPart } from "lit/directive.js";

class ShowModal extends AsyncDirective {
  private opener: Element | null = null;
  private close: () => void = () => undefined;

  render(_: () => void): typeof noChange {
    return noChange;
  }

  override update(part: ElementPart, [close]: [() => void]): typeof noChange {
    this.close = close;
    const dialog = part.element as HTMLDialogElement;
    if (dialog.open) return noChange;
    this.opener = document.activeElement;
    // The element stands on the page only after the template is done.
    queueMicrotask(() => {
      if (!dialog.isConnected || dialog.open) return;
      dialog.showModal();
      dialog.addEventListener("cancel", () => this.close());
      dialog.addEventListener("click", (event) => event.target === dialog && this.close());
    });
    return noChange;
  }

  override disconnected(): void {
    if (this.opener instanceof HTMLElement) this.opener.focus();
  }
}

export const showModal = directive(ShowModal);
