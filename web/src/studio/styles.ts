/** The studio's own styles, adopted when it is loaded. */

import { css } from "lit";

export const styles = css`
  :root { --code-string: light-dark(#8a4b08, #e0b072); }
  #page:has(> .studio) { display: flex; flex-direction: column; height: 100dvh; }
  .studio { flex: 1; min-height: 0; display: grid; grid-template-columns: minmax(0, 11fr) minmax(0, 10fr); gap: var(--gap); padding-bottom: var(--gap); }
  .studio > .bone { height: 100%; }
  .editing { display: flex; flex-direction: column; min-height: 0; overflow: hidden; }
  .editing nav { display: flex; gap: 0.125rem; padding: 0.375rem 0.5rem; overflow-x: auto; scrollbar-width: thin; }
  .editing .tools { display: flex; gap: 0.25rem; align-items: center; padding: 0.25rem 0.5rem; border-block: 1px solid var(--line); background: var(--ground); }
  .editing .tools .primary { margin-inline-start: auto; }
  .editing .tools .button { min-height: 2rem; padding: 0.25rem 0.625rem; }
  .tab { display: inline-flex; gap: 0.375rem; align-items: center; padding: 0.375rem 0.625rem; border: 0; border-radius: 6px; background: none; color: var(--muted); white-space: nowrap; cursor: pointer; }
  .tab:hover { background: var(--hover); color: var(--ink); }
  .tab[aria-current] { background: var(--tint); color: var(--ink); font-weight: 600; }
  .tab .dot { width: 7px; height: 7px; border-radius: 50%; background: var(--accent); }
  .editing > .banner { flex-wrap: wrap; margin: 0.5rem; }
  .editing > .banner p { flex: 1 1 12rem; }
  .sheet { flex: 1; min-height: 0; position: relative; }
  yaml-editor { position: absolute; inset: 0; display: block; }
  .verdict { display: flex; flex-wrap: wrap; gap: 0 1rem; align-items: center; justify-content: space-between; padding: 0.4375rem 0.875rem; border-top: 1px solid var(--line); }
  .verdict .summary { display: flex; gap: 0.5rem; align-items: center; font-size: 0.8125rem; color: var(--good); }
  .verdict .summary.bad { color: var(--bad); }
  .verdict .keys { font-size: 0.75rem; }
  kbd { padding: 0.0625rem 0.3125rem; border: 1px solid var(--line); border-radius: 4px; font: inherit; font-size: 0.6875rem; }
  .verdict ul { flex-basis: 100%; max-height: 6.5rem; overflow: auto; margin: 0.375rem -0.5rem 0; }
  .fault { display: flex; gap: 0.75rem; align-items: baseline; width: 100%; padding: 0.3125rem 0.5rem; border: 0; border-radius: 6px; background: none; text-align: start; font-size: 0.8125rem; cursor: pointer; }
  .fault.error { color: inherit; }
  .fault:hover { background: var(--hover); }
  .fault > code { flex: none; color: var(--bad); }
  .fault.warning > code { color: var(--warn); }
  .fault span { overflow-wrap: anywhere; }
  .previews { position: relative; min-height: 0; overflow: auto; display: flex; flex-direction: column; gap: 0.75rem; padding: 0.25rem 0.25rem 1rem; margin: -0.25rem; }
  .previews > header { display: flex; gap: 1rem; align-items: baseline; justify-content: space-between; flex-wrap: wrap; min-height: 2.25rem; padding-top: 0.375rem; }
  .previews > header .muted { font-size: 0.8125rem; }
  .previews.past article { filter: grayscale(1); border-style: dashed; }
  article.card.change { height: auto; flex: none; gap: 0.625rem; }
  article.card.change > header > h3 { flex: 0 1 auto; }
  article.change > header > code { flex: 1; font-size: 0.75rem; }
  .differences { width: 100%; border-collapse: collapse; font-size: 0.8125rem; }
  .differences :is(th, td) { padding: 0.25rem 0 0.25rem 1rem; border-top: 1px solid var(--line); font-weight: 400; text-align: end; white-space: nowrap; }
  .differences th[scope="row"] { width: 40%; max-width: 0; padding-inline-start: 0; text-align: start; color: var(--muted); }
  .differences .now { font-weight: 600; }
  .differences td:nth-child(2) { color: var(--muted); }
  .sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(0, 1fr)); grid-auto-flow: column; gap: 1rem; }
  .side { display: flex; flex-direction: column; min-width: 0; gap: 0.25rem; height: 13.5rem; }
  .side h4 { margin: 0; color: var(--muted); font-size: 0.75rem; font-weight: 500; }
  .side .figure .value { font-size: 1.125rem; }
  .side + .side { border-inline-start: 1px solid var(--line); padding-inline-start: 1rem; }
  .tests { display: grid; gap: 0.25rem; font-size: 0.8125rem; }
  p.tests, .tests li { display: flex; gap: 0.5rem; align-items: start; }
  p.tests { color: var(--good); }
  .tests.bad .icon { color: var(--bad); }
  .tests .icon { margin-top: 0.125rem; }
  ul.card.tests { padding: 0.75rem 1rem; }
  .tests li span { overflow-wrap: anywhere; }
  .sql summary { color: var(--accent); font-size: 0.8125rem; cursor: pointer; }
  .sql pre { margin: 0.5rem 0 0; padding: 0.625rem; overflow: auto; max-height: 16rem; border-radius: 8px; background: var(--ground); font-size: 0.75rem; }
  .sql .added { color: var(--good); }
  .sql .removed { color: var(--bad); }
  .previews .nobody { margin: 8vh auto; }
  .previews .nobody h3 { font-size: 1.125rem; }
  @media (max-width: 62rem) {
    #page:has(> .studio) { height: auto; }
    .studio { grid-template-columns: minmax(0, 1fr); padding-bottom: 3rem; }
    .editing { height: max(24rem, 62dvh); }
    .previews { overflow: visible; }
  }
  @media (max-width: 36rem) {
    .verdict .keys { display: none; }
    .editing .tools { flex-wrap: wrap; }
    .sides { grid-template-columns: minmax(0, 1fr); grid-auto-flow: row; }
    .side + .side { border-inline-start: 0; padding-inline-start: 0; border-top: 1px solid var(--line); padding-top: 0.625rem; }
    .differences tr { display: grid; grid-template-columns: auto auto 1fr; border-top: 1px solid var(--line); }
    .differences tr > :is(th, td) { border: 0; padding: 0.125rem 0.75rem 0.125rem 0; }
    .differences tr > th[scope="row"] { grid-column: 1 / -1; width: auto; max-width: none; }
    .differences tr > .difference { padding-inline-end: 0; min-width: 0; white-space: normal; }
  }
`;
