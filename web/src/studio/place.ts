/** Where in a YAML text a position is: the keys above it, and whether a key or a value is written there. */

import type { Text } from "@codemirror/state";

/** A step of a path that is an item of a list. */
export const ITEM = "[]";

export interface Place {
  readonly path: readonly string[];
  readonly isKey: boolean;
  /** Where what is being typed begins. */
  readonly from: number;
  /** The keys that stand beside it. */
  readonly beside: ReadonlySet<string>;
}

const LINE = /^(\s*)((?:-\s+)*)(.*)$/;
const PAIR = /^("[^"]*"|'[^']*'|[^\s#'"{}[\],&*!|>%@`][^:#]*?)\s*:(?:\s+|$)(.*)$/;
const WORD = /[\w.$-]*$/;
const COMMENT = /(^|\s)#/;

interface Line {
  /** The column of the first key or value, after the dashes. */
  readonly column: number;
  /** The columns of the dashes before it. */
  readonly dashes: readonly number[];
  readonly key: string | null;
  readonly value: string;
}

function readLine(text: string): Line | null {
  const [, indent = "", dashes = "", content = ""] = LINE.exec(text) ?? [];
  if (content.trim() === "" && dashes === "" && indent === text) return null;
  if (content.startsWith("#")) return null;
  const columns = [...dashes.matchAll(/-/g)].map(({ index }) => indent.length + index);
  const pair = PAIR.exec(content);
  const key = pair?.[1]?.replace(/^["']|["']$/g, "") ?? null;
  return { column: indent.length + dashes.length, dashes: columns, key, value: pair?.[2] ?? content };
}

/** Find the place of a position; null within a comment. */
export function findPlace(doc: Text, position: number): Place | null {
  const { number, from, text } = doc.lineAt(position);
  const before = text.slice(0, position - from);
  if (COMMENT.test(before)) return null;
  const [, indent = "", dashes = "", content = ""] = LINE.exec(before) ?? [];
  const column = indent.length + dashes.length;
  const parents = findParents(doc, number, column, [...dashes.matchAll(/-/g)].map(({ index }) => indent.length + index));
  const beside = listBeside(doc, number, column);
  const pair = PAIR.exec(content);
  const start = position - (WORD.exec(before)?.[0].length ?? 0);
  if (pair === null) return /^[\w.$-]*$/.test(content) ? { path: parents, isKey: true, from: start, beside } : null;
  const [, key = "", value = ""] = pair;
  const path = [...parents, key.replace(/^["']|["']$/g, "")];
  return followFlow(value, path, start);
}

/** The keys above a line, the outermost first, by their columns. */
function findParents(doc: Text, number: number, column: number, dashes: readonly number[]): string[] {
  const path: string[] = [];
  let least = column;
  for (const dash of [...dashes].reverse()) {
    path.unshift(ITEM);
    least = dash;
  }
  // A list may stand in the column of the key that it belongs to.
  let isItem = dashes.length > 0;
  for (let above = number - 1; above >= 1 && (least > 0 || isItem); above -= 1) {
    const line = readLine(doc.line(above).text);
    if (line === null) continue;
    const isParent = line.column < least || (isItem && line.column === least && line.dashes.length === 0);
    if (line.key !== null && isParent) {
      path.unshift(line.key);
      least = line.column;
      isItem = false;
    }
    for (const dash of [...line.dashes].reverse()) {
      if (dash >= least) continue;
      path.unshift(ITEM);
      least = dash;
      isItem = true;
    }
  }
  return path;
}

/** The keys of the mapping that a line belongs to, but its own. */
function listBeside(doc: Text, number: number, column: number): Set<string> {
  const keys = new Set<string>();
  for (const step of [-1, 1]) {
    for (let at = number + step; at >= 1 && at <= doc.lines; at += step) {
      const line = readLine(doc.line(at).text);
      if (line === null) continue;
      if (line.column < column || (step > 0 && line.dashes.some((dash) => dash < column))) break;
      if (line.column === column && line.key !== null) keys.add(line.key);
      if (line.column === column && line.dashes.length > 0) break;
    }
  }
  return keys;
}

/** Follow braces and brackets of one line to its end. */
function followFlow(value: string, path: readonly string[], from: number): Place {
  const frames: { isMap: boolean; key: string | null; keys: Set<string> }[] = [];
  let quote: string | null = null;
  let word = "";
  for (const sign of value) {
    const frame = frames.at(-1);
    if (quote !== null) {
      if (sign === quote) quote = null;
    } else if ((sign === '"' || sign === "'") && word.trim() === "") quote = sign;
    else if (sign === "{" || sign === "[") {
      frames.push({ isMap: sign === "{", key: null, keys: new Set() });
      word = "";
    } else if ((sign === "}" || sign === "]") && frame) {
      frames.pop();
      word = "";
    } else if (sign === "," && frame) {
      frame.key = null;
      word = "";
    } else if (sign === ":" && frame?.isMap && frame.key === null) {
      frame.key = word.trim();
      frame.keys.add(frame.key);
      word = "";
    } else word += sign;
  }
  const inner = frames.flatMap(({ isMap, key }) => (isMap ? (key === null ? [] : [key]) : [ITEM]));
  const last = frames.at(-1);
  return { path: [...path, ...inner], isKey: last?.isMap === true && last.key === null, from, beside: last?.keys ?? new Set() };
}

/** The table that the metric at a path reads: its own, or the file's. */
export function findTable(doc: Text, path: readonly string[]): string | null {
  let inMetric = false;
  let column = 0;
  let own: string | null = null;
  let common: string | null = null;
  let section = "";
  for (let number = 1; number <= doc.lines; number += 1) {
    const { text } = doc.line(number);
    const line = readLine(text);
    if (line === null || line.key === null) continue;
    if (line.column === 0) section = line.key;
    if (line.column === 0 && line.key === "table") common = line.value.trim();
    if (inMetric && line.column <= column) inMetric = false;
    if (section === path[0] && line.key === path[1] && line.column > 0 && !inMetric) {
      inMetric = true;
      column = line.column;
      own ??= /\btable:\s*(\w+)/.exec(line.value)?.[1] ?? null;
    } else if (inMetric && line.key === "table") own = line.value.trim();
  }
  return own ?? common;
}
