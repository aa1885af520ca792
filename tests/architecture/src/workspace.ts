/**
 * The workspace as data: every member with its manifest and its source files. Read once; nothing is executed.
 */

import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

export const ROOT = join(import.meta.dirname, '../../..');

export type Kind = 'package' | 'service' | 'tests';

export interface SourceFile {
  /** From the workspace's root, with forward slashes. */
  readonly path: string;
  readonly text: string;
  /** `*.test.ts`, and what stands in a folder `tests` or `fixtures`; they may do what production code may not. */
  readonly isTest: boolean;
  /** Module specifiers of its imports, in order. */
  readonly imports: readonly string[];
}

export interface Member {
  /** `packages/broker` */
  readonly folder: string;
  /** `@frame-buffer/broker` */
  readonly name: string;
  readonly kind: Kind;
  readonly manifest: Manifest;
  readonly sources: readonly SourceFile[];
  /** Undefined when there is none. */
  readonly readme: string | undefined;
}

export interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

const KINDS: Readonly<Record<string, Kind>> = { packages: 'package', services: 'service', tests: 'tests' };

export function readWorkspace(): readonly Member[] {
  return globSync('{packages,services,tests}/*/package.json', { cwd: ROOT }).sort().map(readMember);
}

export function readManifest(path: string): Manifest {
  const manifest: unknown = JSON.parse(readFileSync(join(ROOT, path), 'utf8'));
  if (typeof manifest !== 'object' || manifest === null || !('name' in manifest))
    throw new Error(`${path} has no name`);
  return manifest as Manifest;
}

function readMember(manifestPath: string): Member {
  const folder = dirname(manifestPath);
  const manifest = readManifest(manifestPath);
  const kind = KINDS[folder.split('/')[0] ?? ''];
  if (kind === undefined) throw new Error(`${folder} belongs to no layer`);
  const readme = join(ROOT, folder, 'README.md');
  const isTestOnly = kind === 'tests' || manifest.name === '@frame-buffer/testkit';
  return {
    folder,
    name: manifest.name,
    kind,
    manifest,
    sources: sourcesOf(folder).map((path) => readSource(path, isTestOnly)),
    readme: existsSync(readme) ? readFileSync(readme, 'utf8') : undefined,
  };
}

function sourcesOf(folder: string): readonly string[] {
  const exclude = (name: string) => name === 'node_modules' || name === 'dist';
  return globSync('**/*.{ts,mts,mjs}', { cwd: join(ROOT, folder), exclude: (path) => exclude(path) })
    .filter((path) => !path.split('/').some(exclude))
    .map((path) => join(folder, path))
    .sort();
}

function readSource(path: string, isTestOnly: boolean): SourceFile {
  const text = readFileSync(join(ROOT, path), 'utf8');
  return {
    path: relative('.', path),
    text,
    isTest: isTestOnly || /\.test\.ts$|\/(?:tests|fixtures)\//.test(path),
    imports: importsOf(text),
  };
}

/** `import … from 'x'`, `export … from 'x'`, `import 'x'`, `import('x')`, at a line's start or in an expression. */
const IMPORT =
  /^(?:import|export)\s[^;'"]*?from\s*['"]([^'"]+)['"]|^import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm;

export function importsOf(text: string): readonly string[] {
  return [...withoutComments(text).matchAll(IMPORT)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

/**
 * The code with comments blanked out (line numbers stay). Good enough for rules: a literal that contains a
 * comment's opening after a blank is cut too.
 */
export function withoutComments(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' '))
    .replace(/(^|[\s;{}(),])\/\/.*$/gm, '$1');
}

/** `@scope/name/deep` → `@scope/name`; undefined for relative paths and Node's own modules. */
export function packageOf(specifier: string): string | undefined {
  if (specifier.startsWith('.') || specifier.startsWith('node:') || specifier.startsWith('#')) return undefined;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** `path:line` of each match in the code, comments excepted. */
export function findAll(file: SourceFile, pattern: RegExp): readonly string[] {
  return withoutComments(file.text)
    .split('\n')
    .flatMap((line, index) => (pattern.test(line) ? [`${file.path}:${index + 1} ${line.trim()}`] : []));
}
