/** The editor: CodeMirror in a shadow root, whose styles are adopted sheets, as the page's policy asks. */

import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, snippet } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { HighlightStyle, bracketMatching, indentOnInput, syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic, lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { EditorState, type Extension, type Text } from "@codemirror/state";
import {
  EditorView,
  drawSelection,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { completeYaml } from "./completion";
import type { EditedFile, Fault, Language, TableNames } from "./server";
import { theme } from "./theme";

const highlighting = HighlightStyle.define([
  { tag: tags.definition(tags.propertyName), color: "var(--accent)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--code-string)" },
  { tag: tags.lineComment, color: "var(--muted)", fontStyle: "italic" },
  { tag: [tags.separator, tags.brace, tags.squareBracket], color: "var(--muted)" },
  { tag: [tags.labelName, tags.typeName, tags.keyword], color: "var(--code-string)" },
]);

/** What stands at a fault: a quoted text, a name, or a single sign. */
const TOKEN = /^(?:"[^"]*"|'[^']*'|[\w.$]+|\S)/u;
const REMEDY = /did you mean '([^']+)'/;

export class YamlEditor extends HTMLElement {
  /** Called with what is typed, and to save. */
  onDraft: (name: string, text: string) => void = () => undefined;
  onSave: () => void = () => undefined;
  private language: Language | null = null;
  private file: EditedFile | null = null;
  private marked = "";
  private readonly states = new Map<string, EditorState>();
  private view: EditorView | null = null;

  /** Show a file with this text; where it is the one that is shown, nothing moves. */
  show(file: EditedFile, text: string, language: Language): void {
    this.language = language;
    const held = this.view?.state.doc.toString();
    if (this.view !== null && this.file?.name === file.name) {
      this.file = file;
      if (held !== text) this.view.dispatch({ changes: { from: 0, to: this.view.state.doc.length, insert: text } });
      return;
    }
    if (this.view !== null && this.file !== null) this.states.set(this.file.name, this.view.state);
    this.file = file;
    const known = this.states.get(file.name);
    const state = known?.doc.toString() === text ? known : EditorState.create({ doc: text, extensions: this.listExtensions(file) });
    if (this.view === null) {
      const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
      this.view = new EditorView({ state, parent: root, root });
    } else this.view.setState(state);
    this.marked = "";
  }

  disconnectedCallback(): void {
    this.view?.destroy();
    this.view = null;
  }

  /** Underline the faults of the file. */
  mark(faults: readonly Fault[]): void {
    const marked = JSON.stringify(faults);
    if (this.view === null || this.marked === marked) return;
    this.marked = marked;
    const { state } = this.view;
    this.view.dispatch(setDiagnostics(state, faults.map((fault) => describeFault(state.doc, fault))));
    // What is said of them below takes room of the editor's.
    if (this.view.hasFocus) requestAnimationFrame(() => this.keepInSight());
  }

  private keepInSight(): void {
    if (this.view === null) return;
    const { head } = this.view.state.selection.main;
    this.view.dispatch({ effects: EditorView.scrollIntoView(head, { yMargin: 28 }) });
  }

  /** Put the cursor at a fault, in sight. */
  goTo(fault: Fault): void {
    if (this.view === null) return;
    const { from } = locate(this.view.state.doc, fault);
    this.view.dispatch({ selection: { anchor: from }, effects: EditorView.scrollIntoView(from, { y: "center" }) });
    this.view.focus();
  }

  /** Write a new entry at the end of the metrics, its parts to be typed over one after the other. */
  insertWidget(): boolean {
    if (this.view === null || this.file === null || this.language === null) return false;
    const { view } = this;
    const at = findEndOfMetrics(view.state.doc);
    if (at === null) return false;
    view.dispatch({ changes: { from: at, insert: "\n\n" }, selection: { anchor: at + 2 } });
    snippet(draftEntry(view.state.doc, this.language))(view, null, at + 2, at + 2);
    view.dispatch({ effects: EditorView.scrollIntoView(view.state.selection.main.head, { y: "center" }) });
    view.focus();
    return true;
  }

  private listExtensions(file: EditedFile): Extension {
    const keys = [
      { key: "Mod-s", run: () => (this.onSave(), true), preventDefault: true },
      ...closeBracketsKeymap,
      ...completionKeymap,
      ...searchKeymap,
      ...historyKeymap,
      ...lintKeymap,
      ...defaultKeymap,
      indentWithTab,
    ];
    return [
      ...[lineNumbers(), lintGutter(), highlightSpecialChars(), history(), drawSelection(), indentOnInput(), bracketMatching()],
      ...[closeBrackets(), highlightActiveLine(), highlightActiveLineGutter(), highlightSelectionMatches(), search({ top: true }), EditorView.lineWrapping],
      ...[yaml(), syntaxHighlighting(highlighting), theme, keymap.of(keys)],
      autocompletion({ override: [(context) => (this.language === null ? null : completeYaml(this.language, file.kind)(context))] }),
      EditorView.contentAttributes.of({ "aria-label": `${file.name}, metric file`, spellcheck: "false", tabindex: "0" }),
      EditorView.updateListener.of(({ docChanged, state }) => docChanged && this.onDraft(file.name, state.doc.toString())),
    ];
  }
}

customElements.define("yaml-editor", YamlEditor);

/** A column counts characters, and the editor counts halves of some. */
function locate(doc: Text, { line, column }: Fault): { from: number; to: number } {
  const held = doc.line(Math.min(Math.max(line, 1), doc.lines));
  const before = [...held.text].slice(0, column - 1).join("").length;
  const from = Math.min(held.from + before, held.to);
  const token = TOKEN.exec(held.text.slice(before))?.[0] ?? "";
  return { from, to: from + token.length };
}

function describeFault(doc: Text, fault: Fault): Diagnostic {
  const { from, to } = locate(doc, fault);
  const remedy = REMEDY.exec(fault.message)?.[1];
  const put = (view: EditorView, start: number, end: number): void => view.dispatch({ changes: { from: start, to: end, insert: remedy ?? "" } });
  return {
    ...{ from, to, severity: fault.severity, source: fault.code, message: fault.message },
    ...(remedy === undefined || to === from ? {} : { actions: [{ name: `Write ${remedy}`, apply: put }] }),
  };
}

/** The end of the last line of `metrics:`; null where there is no such block. */
function findEndOfMetrics(doc: Text): number | null {
  let end: number | null = null;
  for (let number = 1; number <= doc.lines; number += 1) {
    const { text, to } = doc.line(number);
    if (/^metrics:\s*(#.*)?$/.test(text)) end = to;
    else if (end !== null && /^[^\s#]/.test(text)) return end;
    else if (end !== null && text.trim() !== "") end = to;
  }
  return end;
}

const NUMBERS = new Set(["bigint", "integer", "double", "numeric"]);

/** An entry that is right as it stands, for the file's table: the names in it are to be typed over. */
function draftEntry(doc: Text, language: Language): string {
  const text = doc.toString();
  const last = [...text.matchAll(/^( +)(\w+)\.\w+:/gm)].at(-1);
  const [indent, prefix] = [last?.[1] ?? "  ", last?.[2] ?? "my"];
  const group = [...text.matchAll(/^ +group: *(.+)$/gm)].at(-1)?.[1];
  const common = /^table: *(\w+)/m.exec(text)?.[1];
  const isNamed = ({ name }: TableNames): boolean => (common === undefined ? new RegExp(`^ +${name}:`, "m").test(text) : name === common);
  const table = language.tables.find(isNamed) ?? language.tables[0];
  const column = table?.columns.find(({ type, additive }) => additive && NUMBERS.has(type))?.name ?? "column";
  const lines = [
    "title: ${New widget}",
    ...(common === undefined && table !== undefined ? [`table: ${table.name}`] : []),
    `value: \${sum(${column})}`,
    "chart: line",
    ...(group === undefined ? [] : [`group: ${group}`]),
  ];
  return [`${indent}${prefix}.\${new_widget}:`, ...lines.map((line) => `${indent}${indent}${line}`)].join("\n");
}
