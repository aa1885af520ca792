/**
 * Rules of the house that a linter does not know.
 *
 *   H1  Folders are named by the domain: no utils, common, helpers, misc, lib.
 *   H2  Only `main.ts` reads the environment; everything else is given what it needs. (Tests excepted.)
 *   H3  Only packages/protocol spells streams and subjects.
 *   H4  Every package and service has a README that says something.
 *   H5  No test is left focused.
 */

import { expect, test } from 'vitest';
import { findAll, readWorkspace } from './workspace.ts';

const workspace = readWorkspace();
const production = workspace.flatMap((member) => member.sources.filter((file) => !file.isTest));

const STREAMS = ['FRAMES', 'PIXELS', 'WORK', 'LIVE', 'RESULTS', 'SETTLEMENTS', 'DEADLETTERS', 'ADVISORIES', 'EVENTS'];
const SUBJECT_ROOTS = ['frames', 'pixels', 'work', 'live', 'results', 'settled', 'dead', 'events'];

/**
 * A whole literal that is a stream's name, or one that starts with a subject's root and goes on as a subject does: with
 * a wildcard, a placeholder or two more tokens. (One more word is what names of log events look like.)
 */
const SPELLED = new RegExp(
  `(['"\`])(?:${STREAMS.join('|')})\\1|(['"\`])(?:${SUBJECT_ROOTS.join('|')})\\.(?:[*>]|\\$\\{|[a-z0-9-]+\\.)`,
);

/** Looking a command up on PATH is what the system does for every child; it is not configuration. */
const MAY_READ_ENVIRONMENT = new Set([
  'packages/subprocess/src/command.ts',
  // Its `process` is a parameter, which main.ts hands over.
  'packages/service/src/run-service.ts',
]);

/** Also `const { env } = process`, `process['env']`, and `env` imported from node:process. */
const ENVIRONMENT =
  /\bprocess\s*(?:\.\s*env\b|\[\s*['"]env['"]\s*\])|\benv\b[^=]*\}\s*=\s*process\b|\benv\b.*from 'node:process'/;

test('H1 folders are named by the domain', () => {
  const vague = workspace
    .flatMap((member) => member.sources.map((file) => file.path))
    .filter((path) => /(^|\/)(utils?|common|helpers?|misc|lib|shared)\//.test(path));
  expect(vague).toEqual([]);
});

test('H2 only main.ts reads the environment', () => {
  const readers = production.filter(
    (file) => !/(^|\/)main\.ts$/.test(file.path) && !MAY_READ_ENVIRONMENT.has(file.path),
  );
  expect(readers.flatMap((file) => findAll(file, ENVIRONMENT))).toEqual([]);
});

test('H3 only protocol spells streams and subjects', () => {
  const others = production.filter((file) => !file.path.startsWith('packages/protocol/'));
  expect(others.flatMap((file) => findAll(file, SPELLED))).toEqual([]);
});

test('H3 the rule sees what it should, and leaves file names alone', () => {
  for (const text of [
    "'FRAMES'",
    '"PIXELS"',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the text of a program, not a template
    '`frames.${capability}.high`',
    "'work.>'",
    "'settled.*'",
    "'frames.motion.normal'",
  ]) {
    expect(SPELLED.test(text), text).toBe(true);
  }
  for (const text of ["'./frames.ts'", "'frames'", "'LIVELY'", "'frames received'", "'frames.refused'", "'work.'"]) {
    expect(SPELLED.test(text), text).toBe(false);
  }
});

test('H4 every package and service has a README', () => {
  const without = workspace
    .filter(({ kind }) => kind !== 'tests')
    .filter(({ readme }) => (readme ?? '').split('\n').filter((line) => line.trim() !== '').length < 5)
    .map(({ folder }) => `${folder}/README.md`);
  expect(without).toEqual([]);
});

test('H5 no test is focused', () => {
  const tests = workspace.flatMap((member) => member.sources.filter((file) => file.isTest));
  expect(tests.flatMap((file) => findAll(file, /\b(?:test|it|describe)\.only\(/))).toEqual([]);
});
