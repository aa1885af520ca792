/** The files in which the machines are documented, as they have to be. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { machineNames, machines } from '../src/machines.ts';
import { type Chart, chartOf, mermaidOf } from './chart.ts';

const PACKAGE = join(import.meta.dirname, '..');
const README = join(PACKAGE, 'README.md');

export interface GeneratedFile {
  readonly path: string;
  readonly content: string;
}

/** A JSON of each machine, and the README as it is with the pictures between its markers renewed. */
export function statechartFiles(): readonly GeneratedFile[] {
  const charts = machineNames.map((name) => chartOf(machines[name]));
  const files = charts.map((chart) => ({
    path: join(PACKAGE, 'statecharts', `${chart.machine}.json`),
    content: `${formatted(chart)}\n`,
  }));
  const readme = charts.reduce(
    (text, chart) => replaced(text, chart.machine, `\`\`\`mermaid\n${mermaidOf(chart)}\n\`\`\``),
    readFileSync(README, 'utf8'),
  );
  return [...files, { path: README, content: readme }];
}

/**
 * What stands between `<!-- statechart:name -->` and `<!-- /statechart:name -->`, made anew.
 * @throws Error when the markers are missing
 */
export function replaced(text: string, name: string, content: string): string {
  const [begin, end] = [`<!-- statechart:${name} -->`, `<!-- /statechart:${name} -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`README.md has no place for the statechart of ${name}: ${begin} … ${end}`);
  return `${text.slice(0, from + begin.length)}\n\n${content}\n\n${text.slice(to)}`;
}

/** As the repository's formatter wants it: lists of names on one line. */
function formatted(chart: Chart): string {
  const names = /\[\n\s+("[^"]*"(?:,\n\s+"[^"]*")*)\n\s+\]/g;
  return JSON.stringify(chart, null, 2).replace(names, (_, list: string) => `[${list.replace(/\n\s+/g, ' ')}]`);
}
