/** Where to look, once everything runs. */
import { anySubject, subject } from '@frame-buffer/protocol';
import type { ProcessName } from './processes.ts';
import type { Paint } from './view/paint.ts';

export interface Places {
  readonly urlOf: (name: ProcessName) => string;
  readonly natsUrl: string;
  readonly dataDir: string;
  readonly logFolder: string;
  /** A camera to look at, if there is one. */
  readonly camera: string | undefined;
}

const PAGES: readonly (readonly [name: ProcessName, paths: string])[] = [
  ['health-monitor', '/api/v1/overview  /api/v1/ledger  /api/v1/health'],
  ['capture-gateway', '/api/v1/cameras'],
  ['orchestrator', '/api/v1/routes'],
  ['registry', '/api/v1/processors  /api/v1/topology'],
];

export function welcomeLines(
  { urlOf, natsUrl, dataDir, logFolder, camera }: Places,
  { bold, dim }: Paint,
): readonly string[] {
  const nats = `nats --server ${withoutCredentials(natsUrl)}`;
  const gateway = urlOf('capture-gateway');
  return [
    '',
    bold('Where to look'),
    ...PAGES.map(([name, paths]) => `  ${name.padEnd(16)} ${urlOf(name)}  ${dim(paths)}`),
    `  ${'data'.padEnd(16)} ${dataDir}`,
    `  ${'logs'.padEnd(16)} ${logFolder}`,
    bold('Try'),
    `  ${nats} stream report`,
    `  ${nats} micro ls`,
    `  ${nats} sub '${anySubject.results}'`,
    ...(camera === undefined ? [] : [`  ${nats} sub '${subject.pixels(camera)}' --headers-only`]),
    `  curl -X PUT ${gateway}/api/v1/cameras/door -H 'content-type: application/json' \\`,
    `    -d '{"url":"test-pattern:?fps=5","capabilities":["motion"]}'`,
    '',
  ];
}

export function withoutCredentials(urls: string): string {
  return urls.replaceAll(/\/\/[^@/,]*@/g, '//***@');
}
