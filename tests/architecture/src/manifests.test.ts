/**
 * What each member declares.
 *
 *   M1  Every import of a package is declared by the member that imports it: production code in `dependencies`
 *       (or `optionalDependencies`), tests in any section.
 *   M2  Everything declared is imported.
 *   M3  Versions stand in one place: `workspace:*` for members, `catalog:` for the rest.
 */

import { expect, test } from 'vitest';
import { type Member, packageOf, readManifest, readWorkspace } from './workspace.ts';

const workspace = readWorkspace();

/** Tools that the root provides to everybody. */
const TOOLS = new Set(Object.keys(readManifest('package.json').devDependencies ?? {}));

test('M1 production code imports only what its member depends on', () => {
  expect(workspace.flatMap((member) => undeclared(member, false))).toEqual([]);
});

test('M1 tests import only what their member declares, or the root’s tools', () => {
  expect(workspace.flatMap((member) => undeclared(member, true))).toEqual([]);
});

test('M2 every declared dependency is used', () => {
  const unused = workspace.flatMap((member) => {
    const used = new Set(member.sources.flatMap((file) => file.imports.map(packageOf)));
    // What is loaded by a name in a string (binaries found with require.resolve) counts as used, also with a path behind it.
    const isNamed = (name: string) =>
      member.sources.some(({ text }) => text.includes(`'${name}'`) || text.includes(`'${name}/`));
    return Object.keys(declared(member))
      .filter((name) => !used.has(name) && !isNamed(name))
      .map((name) => `${member.folder} declares ${name} and does not use it`);
  });
  expect(unused).toEqual([]);
});

test('M3 every version is workspace:* or catalog:', () => {
  const loose = workspace.flatMap((member) =>
    Object.entries(declared(member))
      .filter(([name, version]) => version !== (name.startsWith('@frame-buffer/') ? 'workspace:*' : 'catalog:'))
      .map(([name, version]) => `${member.folder}: ${name} ${version}`),
  );
  expect(loose).toEqual([]);
});

function declared({ manifest }: Member): Readonly<Record<string, string>> {
  return { ...manifest.dependencies, ...manifest.devDependencies, ...manifest.optionalDependencies };
}

function undeclared(member: Member, inTests: boolean): readonly string[] {
  const { dependencies, optionalDependencies } = member.manifest;
  const isShipped = member.kind !== 'tests' && member.name !== '@frame-buffer/testkit';
  const allowed = new Set(Object.keys(inTests ? declared(member) : { ...dependencies, ...optionalDependencies }));
  return member.sources
    .filter((file) => (isShipped ? file.isTest : true) === inTests)
    .flatMap((file) =>
      file.imports
        .map(packageOf)
        .filter((name) => name !== undefined && name !== member.name && !allowed.has(name))
        .filter((name) => !(inTests && TOOLS.has(name ?? '')))
        .map((name) => `${file.path} imports ${name}, which ${member.folder}/package.json does not declare`),
    );
}
