/**
 * Who may know whom.
 *
 *   A1  services → packages → protocol, never back; protocol knows no other member.
 *   A2  Services never import one another: they share subjects.
 *   A3  A member is entered through its index: no deep imports, by name or by path.
 *   A4  `*.machine.ts` imports xstate, other machines and protocol only: a pure core.
 *   A5  The testkit is for tests.
 */

import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { importsOf, type Member, packageOf, readWorkspace, type SourceFile } from './workspace.ts';

const workspace = readWorkspace();
const byName = new Map(workspace.map((member) => [member.name, member]));

interface Edge {
  readonly from: Member;
  readonly file: SourceFile;
  readonly to: Member;
  readonly specifier: string;
}

const edges: readonly Edge[] = workspace.flatMap((from) =>
  from.sources.flatMap((file) =>
    file.imports.flatMap((specifier) => {
      const to = byName.get(packageOf(specifier) ?? '');
      return to === undefined ? [] : [{ from, file, to, specifier }];
    }),
  ),
);

const describeEdge = ({ file, specifier }: Edge): string => `${file.path} imports ${specifier}`;

test('the workspace is read: every member has a name, and imports are seen', () => {
  expect(workspace.length).toBeGreaterThan(15);
  const lines = [
    'import { a,',
    "  b } from '@x/one';",
    "export * from './two.ts';",
    "import 'three';",
    "// import 'no';",
  ];
  expect(importsOf(lines.join('\n'))).toEqual(['@x/one', './two.ts', 'three']);
});

test('A1 packages never import services or tests', () => {
  expect(edges.filter(({ from, to }) => from.kind === 'package' && to.kind !== 'package').map(describeEdge)).toEqual(
    [],
  );
});

test('A1 protocol imports no other member', () => {
  const fromProtocol = edges.filter(({ from, to }) => from.name === '@frame-buffer/protocol' && to !== from);
  expect(fromProtocol.map(describeEdge)).toEqual([]);
});

test('A1 members import one another without a circle', () => {
  const production = edges.filter(({ file, from, to }) => !file.isTest && from !== to);
  expect(circlesAmong(production.map(({ from, to }) => [from.name, to.name] as const))).toEqual([]);
  expect(
    circlesAmong([
      ['a', 'b'],
      ['b', 'c'],
      ['c', 'b'],
    ]),
  ).toEqual(['b → c → b']);
});

test('A2 services never import one another', () => {
  const between = edges.filter(({ from, to }) => from.kind === 'service' && to.kind === 'service' && from !== to);
  expect(between.map(describeEdge)).toEqual([]);
});

test('A3 members are imported by their name alone', () => {
  expect(edges.filter(({ to, specifier }) => specifier !== to.name).map(describeEdge)).toEqual([]);
});

test('A3 relative imports stay inside their member', () => {
  const leaving = workspace.flatMap((member) =>
    member.sources.flatMap((file) =>
      file.imports
        .filter((specifier) => specifier.startsWith('.'))
        .filter((specifier) => relative(member.folder, join(file.path, '..', specifier)).startsWith('..'))
        .map((specifier) => `${file.path} imports ${specifier}`),
    ),
  );
  expect(leaving).toEqual([]);
});

test('A4 machines are pure: xstate, protocol and other machines only', () => {
  const impure = workspace.flatMap((member) =>
    member.sources
      .filter((file) => file.path.endsWith('.machine.ts'))
      .flatMap((file) => file.imports.filter((name) => !isPure(name)).map((name) => `${file.path} imports ${name}`)),
  );
  expect(impure).toEqual([]);
});

test('A5 only tests import the testkit', () => {
  const misused = edges.filter(({ to, file }) => to.name === '@frame-buffer/testkit' && !file.isTest);
  expect(misused.map(describeEdge)).toEqual([]);
});

function isPure(specifier: string): boolean {
  return specifier === 'xstate' || specifier === '@frame-buffer/protocol' || specifier.startsWith('./');
}

/** Each circle once, written from its first member by name. */
function circlesAmong(pairs: readonly (readonly [string, string])[]): readonly string[] {
  const next = Map.groupBy(pairs, ([from]) => from);
  const circles = new Set<string>();
  const walk = (name: string, trail: readonly string[]): void => {
    if (trail[0] === name) circles.add([...trail, name].join(' → '));
    // Only circles that start at their smallest name, so that each is found once.
    if (trail.includes(name) || (trail[0] !== undefined && name < trail[0])) return;
    for (const [, to] of next.get(name) ?? []) walk(to, [...trail, name]);
  };
  for (const name of next.keys()) walk(name, []);
  return [...circles];
}
