/** What the studio holds: the files, their unsaved texts, and what the server says of these. */

import { ProblemError, type Question } from "../api/client";
import { getToken } from "../api/session";
import { tellProblem } from "../state/actions";
import { change, getState, say } from "../state/store";
import { buildQuestion } from "../state/view";
import {
  type Check,
  type Drafts,
  type EditedFile,
  type Fault,
  type Language,
  type TestResult,
  checkDrafts,
  fetchStudio,
  saveText,
  testDrafts,
} from "./server";

export interface Workbench {
  readonly files: readonly EditedFile[];
  readonly language: Language;
  readonly active: string;
  /** Unsaved texts by file. */
  readonly drafts: ReadonlyMap<string, string>;
  /** What the newest text was told, and the last text without errors changed. */
  readonly check: Check | null;
  readonly preview: Check | null;
  /** What the changed metrics' own tests say of the newest text without errors. */
  readonly tests: readonly TestResult[];
  readonly isChecking: boolean;
  readonly seconds: number | null;
  readonly isSaving: boolean;
  /** A file that has changed on disk while it was edited here. */
  readonly theirs: EditedFile | null;
}

let bench: Workbench | null = null;
let opening: Promise<void> | null = null;

export const getBench = (): Workbench | null => bench;

function update(patch: Partial<Workbench>): void {
  if (bench === null) return;
  bench = { ...bench, ...patch };
  change({});
}

/** Draft texts that do not differ from their files are none. */
const listDrafts = (): Record<string, string> => Object.fromEntries(bench?.drafts ?? []);
export const getText = (held: Workbench, name: string): string => held.drafts.get(name) ?? findFile(held, name)?.text ?? "";
export const findFile = ({ files }: Workbench, name: string): EditedFile | undefined => files.find((file) => file.name === name);
export const listFaults = ({ check }: Workbench, name: string): Fault[] => (check?.diagnostics ?? []).filter(({ file }) => file === name);

async function attempt(act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    tellProblem(error);
  }
}

/** Open the folder, once; where that fails, again as soon as it can help. */
export function openBench(): void {
  opening ??= loadBench().catch((error: unknown) => {
    if (!(error instanceof ProblemError)) throw error;
    tellProblem(error, () => {
      opening = null;
      openBench();
    });
  });
}

async function loadBench(): Promise<void> {
  const { files, ...language } = await fetchStudio();
  const metrics = files.filter(({ kind }) => kind === "metrics");
  const active = (metrics.find(({ text }) => /^table:/m.test(text)) ?? metrics[0] ?? files[0])?.name ?? "";
  bench = {
    ...{ files, language, active, drafts: new Map(), check: null, preview: null, tests: [] },
    ...{ isChecking: false, seconds: null, isSaving: false, theirs: null },
  };
  change({});
  requestCheck();
}

export const chooseFile = (active: string): void => update({ active });

/** Take in what is typed. */
export function writeDraft(name: string, text: string): void {
  if (bench === null) return;
  const drafts = new Map(bench.drafts);
  if (findFile(bench, name)?.text === text) drafts.delete(name);
  else drafts.set(name, text);
  update({ drafts });
  requestCheck();
}

/** Short enough to feel at once, long enough that fast typing asks for whole words. */
const PAUSE = 60;
let pausing: ReturnType<typeof setTimeout> | undefined;
let typedAt: number | null = null;
let asked = "";

const getQuestion = (): Question => {
  const { view, lastDay } = getState();
  return buildQuestion(view, lastDay);
};

/** Ask what the texts come to, once the last question has been answered: two at a time would only be slower. */
function requestCheck(): void {
  typedAt ??= performance.now();
  clearTimeout(pausing);
  pausing = setTimeout(() => bench !== null && !bench.isChecking && void runCheck(), PAUSE);
}

/** What the numbers are of: whose rows, and which days. */
const describeAsked = (): string => JSON.stringify([getToken(), getQuestion()]);

/** Ask again where other days are looked at, or somebody else does; nobody sees another's numbers meanwhile. */
export function followQuestion(): void {
  if (bench === null || asked === "" || asked === describeAsked()) return;
  const isOther = JSON.parse(asked)[0] !== getToken();
  asked = describeAsked();
  if (isOther) bench = { ...bench, check: null, preview: null, tests: [] };
  requestCheck();
}

async function runCheck(): Promise<void> {
  const [began, drafts] = [typedAt ?? performance.now(), listDrafts()];
  typedAt = null;
  const question = getQuestion();
  const mine = (asked = describeAsked());
  update({ isChecking: true });
  try {
    const check = await checkDrafts(drafts, question);
    if (mine !== asked) return update({ isChecking: false });
    const isSame = JSON.stringify(listDrafts()) === JSON.stringify(drafts);
    update({ check, isChecking: false, ...(check.valid ? { preview: check } : {}) });
    measurePicture(began);
    if (check.valid && isSame) requestTests(drafts);
  } catch (error) {
    update({ isChecking: false });
    if (!(error instanceof ProblemError)) throw error;
    tellProblem(error, requestCheck);
  } finally {
    if (typedAt !== null) requestCheck();
  }
}

/** Tests can wait until nobody types. */
const TEST_PAUSE = 400;
let testing: ReturnType<typeof setTimeout> | undefined;

function requestTests(drafts: Drafts): void {
  clearTimeout(testing);
  testing = setTimeout(() => {
    if (bench === null || JSON.stringify(listDrafts()) !== JSON.stringify(drafts)) return;
    if (Object.keys(drafts).length === 0) return update({ tests: [] });
    void testDrafts(drafts).then(
      (tests) => JSON.stringify(listDrafts()) === JSON.stringify(drafts) && update({ tests }),
      () => update({ tests: [] }),
    );
  }, TEST_PAUSE);
}

/** How long it took from the key to the picture on the screen. */
function measurePicture(began: number): void {
  requestAnimationFrame(() =>
    setTimeout(() => {
      const { duration } = performance.measure("studio: from key to picture", { start: began });
      update({ seconds: duration / 1000 });
    }),
  );
}

/** Save all that is unsaved. */
export async function saveDrafts(): Promise<void> {
  if (bench === null || bench.isSaving || bench.drafts.size === 0) return;
  update({ isSaving: true });
  await attempt(async () => {
    for (const [name, text] of bench?.drafts ?? []) {
      const file = bench === null ? undefined : findFile(bench, name);
      if (file === undefined) continue;
      const answer = await saveText(file, text);
      if ("theirs" in answer) return update({ theirs: answer.theirs, active: name });
      takeSaved(answer.saved, text);
    }
  });
  update({ isSaving: false });
}

function takeSaved(saved: EditedFile, text: string): void {
  if (bench === null) return;
  const drafts = new Map(bench.drafts);
  // What was typed while it was saved is unsaved.
  if (drafts.get(saved.name) === text) drafts.delete(saved.name);
  update({ drafts, files: replaceFile(saved) });
  say(bench.check?.valid === false ? `${saved.name} is saved. The dashboard shows the last version that was right.` : `${saved.name} is saved.`);
}

const replaceFile = (file: EditedFile): EditedFile[] => (bench?.files ?? []).map((each) => (each.name === file.name ? file : each));

/** Settle on a file that another program has changed: save over it, or leave one's own text. */
export function settleConflict(mine: boolean): void {
  const theirs = bench?.theirs;
  if (bench === null || !theirs) return;
  const drafts = new Map(bench.drafts);
  if (!mine) drafts.delete(theirs.name);
  update({ theirs: null, drafts, files: replaceFile(theirs) });
  if (mine) void saveDrafts();
  else requestCheck();
}

/** Leave what is unsaved of the file. */
export function revertDraft(): void {
  if (bench === null) return;
  const drafts = new Map(bench.drafts);
  drafts.delete(bench.active);
  update({ drafts });
  requestCheck();
}

let followed: readonly unknown[] | null = null;

/** The server has taken in other files: what is not edited here is shown as it is now. */
export function followCatalog(...causes: readonly unknown[]): void {
  if (bench === null || followed?.every((cause, index) => cause === causes[index])) return;
  const isFirst = followed === null;
  followed = causes;
  if (isFirst) return;
  void attempt(async () => {
    const { files, ...language } = await fetchStudio();
    if (bench === null) return;
    // Of an edited file the version stays that of the text it was made of, so that saving tells the conflict.
    const kept = new Map(bench.files.filter(({ name }) => bench?.drafts.has(name)).map((file) => [file.name, file]));
    update({ language, files: files.map((file) => kept.get(file.name) ?? file) });
    requestCheck();
  });
}

addEventListener("beforeunload", (event) => {
  if (bench !== null && bench.drafts.size > 0) event.preventDefault();
});
