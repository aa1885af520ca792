/** Writes the machines' statecharts: `pnpm -C packages/actors run statecharts`. A test fails while they are out of date. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { statechartFiles } from './statechart-files.ts';

for (const { path, content } of statechartFiles()) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}
