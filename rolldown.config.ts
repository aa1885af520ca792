/**
 * How a service becomes one file, for every service alike; run in its folder: `rolldown -c ../../rolldown.config.ts`.
 *
 *   R1  `dist/main.mjs` holds everything but Node's own modules and the native ones below.
 *   R2  `dist/package.json` names the native modules that the bundle does import, with the catalog's versions:
 *       `npm install` beside the bundle completes it, on the platform where it is to run.
 *   R3  A processor also gets `dist/heartbeat.worker.mjs`, which the SDK looks for beside its bundle; it imports nothing that
 *       the main bundle does not.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig, type Plugin, type RolldownOptions } from 'rolldown';

/** They are shared libraries, or carry some: no bundle can hold them. */
const NATIVE = ['lz4-napi', 'sharp'];

const ROOT = import.meta.dirname;
const SERVICE = process.cwd();
const PROCESSOR_SDK = '@frame-buffer/processor';
const HEARTBEAT_WORKER = join(ROOT, 'packages/processor/src/heartbeat/heartbeat.worker.ts');

const manifest = readManifest(SERVICE);

function nativeManifest(): Plugin {
  return {
    name: 'native-manifest',
    generateBundle(_, bundle) {
      const chunks = Object.values(bundle).filter((output) => output.type === 'chunk');
      const imported = new Set(chunks.flatMap((chunk) => [...chunk.imports, ...chunk.dynamicImports]));
      const natives = NATIVE.filter((name) => imported.has(name)).map((name) => [name, catalogVersion(name)]);
      const { name, version, license } = manifest;
      const bare = { name, version, license, private: true, type: 'module', dependencies: Object.fromEntries(natives) };
      this.emitFile({ type: 'asset', fileName: 'package.json', source: `${JSON.stringify(bare, null, 2)}\n` });
    },
  };
}

function bundle(input: string, file: string, plugins: Plugin[] = []): RolldownOptions {
  return {
    input,
    platform: 'node',
    external: NATIVE,
    plugins,
    output: { file: join('dist', file), format: 'esm', sourcemap: true, codeSplitting: false },
  };
}

function readManifest(folder: string): { name: string; version: string; license: string; dependencies?: object } {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
}

/** From the workspace's catalog, the one place of versions. */
function catalogVersion(name: string): string {
  const [, catalog = ''] = readFileSync(join(ROOT, 'pnpm-workspace.yaml'), 'utf8').split(/^catalog:$/m);
  const version = new RegExp(`^  "?${name}"?: (\\S+)$`, 'm').exec(catalog)?.[1];
  if (version === undefined) throw new Error(`${name} has no version in the catalog of pnpm-workspace.yaml`);
  return version;
}

const isProcessor = PROCESSOR_SDK in (manifest.dependencies ?? {}) && existsSync(HEARTBEAT_WORKER);

export default defineConfig([
  ...(isProcessor ? [bundle(HEARTBEAT_WORKER, 'heartbeat.worker.mjs')] : []),
  bundle('src/main.ts', 'main.mjs', [nativeManifest()]),
]);
