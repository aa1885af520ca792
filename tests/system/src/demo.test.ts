/**
 * `frame-buffer dev` as a process, seen from outside: what `npm start` shows a newcomer.
 *
 *   D1  A run accounts for every task of its own, and only of its own, on data that earlier runs have left.
 *   D2  It leaves no process behind, however it ends.
 *   D3  What cannot work is said in a sentence, at once.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { startBroker } from '@frame-buffer/broker';
import { connect } from '@frame-buffer/jetstream';
import { BUCKET, STREAM } from '@frame-buffer/protocol';
import { type Child, spawnChild } from '@frame-buffer/subprocess';
import { makeTestFolder, until } from '@frame-buffer/testkit';
import { jetstreamManager } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { afterEach, describe, expect, test } from 'vitest';

const MAIN = join(import.meta.dirname, '../../../packages/cli/src/main.ts');
/** Two cores start a broker and six Node processes. */
const READY_WITHIN_MS = 60_000;
/** The broker, four services and two samples. */
const PROCESSES = 7;

interface Report {
  readonly ledger: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly frames_per_s: number;
  readonly cameras: Readonly<Record<string, unknown>>;
  readonly capabilities: Readonly<Record<string, unknown>>;
  readonly exact: boolean;
}

const started: Child[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((child) => child.stop()));
});

/** Starts `frame-buffer dev`, on any free ports unless told otherwise. */
function startDev(dataDir: string, ...args: readonly string[]) {
  const ports = args.some((arg) => arg.startsWith('--port-base')) ? [] : ['--port-base=0'];
  const child = spawnChild({
    command: process.execPath,
    args: [MAIN, 'dev', '--data', dataDir, ...ports, ...args],
    stdout: 'pipe',
    stderrKeepBytes: 64 * 1024,
  });
  started.push(child);
  let stdout = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    stdout += chunk.toString('utf8');
  });
  return {
    pid: child.pid,
    exited: child.exited,
    stdout: () => stdout,
    stderr: () => child.stderrTail(),
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    isReady: () =>
      until(() => `${stdout}${child.stderrTail()}`.includes('Where to look'), {
        what: 'the demo to be ready',
        timeoutMs: READY_WITHIN_MS,
      }),
  };
}

async function reportOf(dev: ReturnType<typeof startDev>): Promise<Report> {
  const { code } = await dev.exited;
  expect(code, `${dev.stdout()}\n${dev.stderr()}`).toBe(0);
  // One line, and nothing else.
  expect(dev.stdout()).toMatch(/^\{[^\n]*\}\n$/);
  return JSON.parse(dev.stdout()) as Report;
}

function expectAccountedFor({ ledger, exact }: Report): void {
  const { captured = 0, processed, superseded = 0, expired = 0, shed = 0, dead_lettered = 0 } = ledger;
  expect(ledger).toMatchObject({ in_flight: 0, unaccounted: 0 });
  expect(captured).toBeGreaterThan(0);
  expect(processed).toBe(captured - superseded - expired - shed - dead_lettered);
  expect(exact).toBe(true);
}

describe('D1 two runs on one folder', () => {
  test('each accounts for its own tasks; stored data goes on, left-over test patterns do not', async () => {
    await using folder = await makeTestFolder('demo');

    const first = await reportOf(startDev(folder.path, '--for', '8s', '--json'));
    expectAccountedFor(first);
    expect(Object.keys(first.cameras)).toEqual(['cam-1', 'cam-2', 'cam-3']);
    expect(Object.keys(first.capabilities)).toEqual(['motion', 'quality']);
    expect(first.seconds).toBeGreaterThanOrEqual(8);
    // Three cameras at 10 fps; the machine may be slow, but not by half.
    expect(first.frames_per_s).toBeGreaterThan(15);
    expect(first.frames_per_s).toBeLessThan(45);

    const second = await reportOf(startDev(folder.path, '--for', '3s', '--json', '--cameras', '1'));
    expectAccountedFor(second);
    expect(second.ledger['captured']).toBeLessThan(first.ledger['captured'] ?? 0);

    await using broker = await startBroker({ env: process.env, storeDir: join(folder.path, 'store') });
    const nc = await connect({ servers: broker.url, name: 'demo-test', firstConnectMs: 5_000 });
    try {
      const jsm = await jetstreamManager(nc);
      const messages = async (stream: string) => (await jsm.streams.info(stream)).state;
      expect((await messages(STREAM.frames)).messages).toBe(0);
      expect((await messages(STREAM.work)).messages).toBe(0);
      // The same stream from the first run on: nothing was thrown away in between.
      expect((await messages(STREAM.settlements)).first_seq).toBe(1);
      const cameras = await new Kvm(nc).open(BUCKET.cameras);
      const names: string[] = [];
      for await (const name of await cameras.keys()) names.push(name);
      expect(names).toEqual(['cam-1']);
    } finally {
      await nc.close();
    }
  });
});

describe.skipIf(process.platform !== 'linux')('D2 processes', () => {
  test('a part that dies comes back; a second demo on the folder is refused; Ctrl-C drains and ends all', async () => {
    await using folder = await makeTestFolder('demo');
    const dev = startDev(folder.path);
    await dev.isReady();
    const children = childrenOf(dev.pid);
    expect(children.length).toBeGreaterThanOrEqual(PROCESSES);

    const motion = children.find((pid) => commandOf(pid).includes('services/motion/'));
    expect(motion).toBeDefined();
    process.kill(motion ?? 0, 'SIGKILL');
    await until(() => dev.stdout().includes('motion is back'), { what: 'motion to be back', timeoutMs: 30_000 });

    const another = startDev(folder.path, '--for', '1s', '--json');
    expect((await another.exited).code).toBe(1);
    expect(another.stderr()).toMatch(/in use by another frame-buffer dev.*--data/);
    expect(another.stdout()).toBe('');

    const before = childrenOf(dev.pid);
    dev.kill('SIGINT');
    expect((await dev.exited).code, dev.stdout() + dev.stderr()).toBe(0);
    expect(dev.stdout()).toMatch(/tasks: captured [\d,]+ = processed/);
    expect(before.filter(isAlive)).toEqual([]);
    expect(dev.stdout()).not.toContain('\u001B');
  });

  test('SIGKILL of the demo leaves no child; the next run takes over its data', async () => {
    await using folder = await makeTestFolder('demo');
    const dev = startDev(folder.path);
    await dev.isReady();
    const children = childrenOf(dev.pid);
    expect(children.length).toBeGreaterThanOrEqual(PROCESSES);

    dev.kill('SIGKILL');
    await dev.exited;
    await until(() => children.filter(isAlive), { what: 'no child to be left', is: (left) => left.length === 0 });

    expectAccountedFor(await reportOf(startDev(folder.path, '--for', '5s', '--json')));
  });

  test('a second Ctrl-C ends at once, when the drain does not, and still leaves nothing', async () => {
    await using folder = await makeTestFolder('demo');
    const dev = startDev(folder.path);
    await dev.isReady();
    const children = childrenOf(dev.pid);
    const gateway = children.find((pid) => commandOf(pid).includes('services/capture-gateway/'));
    expect(gateway).toBeDefined();
    // It cannot heed SIGTERM: an orderly end would take its whole grace.
    process.kill(gateway ?? 0, 'SIGSTOP');

    let end: unknown;
    void dev.exited.then((exit) => {
      end = exit;
    });
    const interrupt = () => {
      dev.kill('SIGINT');
      return end;
    };
    expect(await until(interrupt, { what: 'the end', timeoutMs: 5_000, intervalMs: 100 })).toMatchObject({ code: 130 });
    await until(() => children.filter(isAlive), { what: 'no child to be left', is: (left) => left.length === 0 });
  });

  test('Ctrl-C before everything is ready stops what has been started', async () => {
    await using folder = await makeTestFolder('demo');
    const dev = startDev(folder.path);
    await until(() => childrenOf(dev.pid).length >= 2, { what: 'the first parts to start', timeoutMs: 30_000 });
    const children = childrenOf(dev.pid);

    dev.kill('SIGINT');
    expect((await dev.exited).code, dev.stdout() + dev.stderr()).toBe(130);
    expect(children.filter(isAlive)).toEqual([]);
  });
});

describe('D3 what cannot work', () => {
  test('a port that is taken: which one, and what to do', async () => {
    await using folder = await makeTestFolder('demo');
    const server = createServer();
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => {
        const address = server.address();
        resolve(typeof address === 'object' ? (address?.port ?? 0) : 0);
      });
    });
    try {
      // The registry, which starts first, is the last of the four ports.
      const dev = startDev(folder.path, '--for', '1s', '--json', `--port-base=${port - 3}`);
      expect((await dev.exited).code).toBe(1);
      expect(dev.stderr()).toMatch(
        `Port ${port}, for registry, is taken by another process. Choose other ports with --port-base`,
      );
      expect(dev.stdout()).toBe('');
    } finally {
      server.close();
    }
  });

  test('no nats-server at --nats-url', async () => {
    await using folder = await makeTestFolder('demo');
    const dev = startDev(folder.path, '--nats-url', 'nats://user:s3cret@127.0.0.1:9');
    expect((await dev.exited).code).toBe(1);
    const said = dev.stdout() + dev.stderr();
    expect(said).toMatch(/no nats-server answers at nats:\/\/\*\*\*@127\.0\.0\.1:9/);
    expect(said).not.toContain('s3cret');
  });

  test('a command line that cannot be meant', async () => {
    await using folder = await makeTestFolder('demo');
    const dev = startDev(folder.path, '--for', 'ever');
    expect((await dev.exited).code).toBe(64);
    expect(dev.stderr()).toMatch(/--for "ever" is no duration/);
  });
});

function childrenOf(parent: number): readonly number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && isAlive(pid) && Number(statOf(pid)?.[1]) === parent);
}

function isAlive(pid: number): boolean {
  const state = statOf(pid)?.[0];
  return state !== undefined && state !== 'Z' && state !== 'X';
}

function commandOf(pid: number): string {
  return read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ');
}

/** The fields behind the name, which stands in brackets: state, parent's pid… */
function statOf(pid: number): readonly string[] | undefined {
  const stat = read(`/proc/${pid}/stat`);
  return stat === '' ? undefined : stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
