import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';

const fixture = fileURLToPath(new URL('./sample-service.fixture.ts', import.meta.url));
const started: ChildProcess[] = [];
/** Processes that outlived their parent, if a test fails. */
const orphans: number[] = [];

afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
  for (const pid of orphans.splice(0)) process.kill(pid, 'SIGKILL');
});

type Line = Readonly<Record<string, unknown>>;

/** The fixture as a process with an IPC parent, its log lines and messages as they come. */
function run(env: Record<string, string> = {}, args: string[] = []) {
  const child = fork(fixture, args, {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  started.push(child);
  const lines: Line[] = [];
  const messages: Line[] = [];
  const waiting = new Set<() => void>();
  let stdout = '';
  let stderr = '';
  child.on('message', (message) => messages.push(message as Line));
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  if (child.stdout !== null) {
    createInterface({ input: child.stdout }).on('line', (text) => {
      stdout += `${text}\n`;
      if (text.startsWith('{')) lines.push(JSON.parse(text) as Line);
      for (const look of waiting) look();
    });
  }
  // Not the child's 'close': Node does not emit it once the parent has disconnected.
  const ends = [once(child, 'exit'), ...[child.stdout, child.stderr].map((pipe) => pipe && once(pipe, 'close'))];
  const exited = Promise.all(ends).then(([exit]) => ({ code: exit?.[0] as unknown, signal: exit?.[1] as unknown }));
  const logged = (event: string): Promise<Line> =>
    new Promise((resolve, reject) => {
      const look = () => {
        const line = lines.find((candidate) => candidate['event'] === event);
        if (line !== undefined) resolve(line);
      };
      waiting.add(look);
      look();
      void exited.then(() => reject(new Error(`ended without ${event}:\n${stdout}${stderr}`)));
    });
  const events = () => lines.map(({ event }) => event);
  return { child, lines, messages, exited, logged, events, output: () => ({ stdout, stderr }) };
}

describe('P1 command line and configuration', () => {
  test('--help - explains the service and its settings, starts nothing', async () => {
    const service = run({}, ['--help']);
    expect(await service.exited).toEqual({ code: 0, signal: null });
    expect(service.output().stdout).toContain('sample 1.2.3\nDoes nothing, well.');
    expect(service.output().stdout).toContain('a whole number of frames from 1 to 9; default 1');
    expect(service.lines).toEqual([]);
  });

  test('--version and unknown options', async () => {
    const [version, unknown] = [run({}, ['--version']), run({}, ['--prot=1'])];
    expect(await version.exited).toMatchObject({ code: 0 });
    expect(version.output().stdout).toBe('1.2.3\n');
    expect(await unknown.exited).toMatchObject({ code: 64 });
    expect(unknown.output().stderr).toContain('unknown option "--prot=1"');
  });

  test('faults - all are printed without secrets, the parent is told, exit 78', async () => {
    const service = run({
      FRAME_BUFFER_SIZE: '10',
      FRAME_BUFFER_PORT: 'x',
      FRAME_BUFFER_NATS_URL: 'http://u:s3cret@h',
    });
    expect(await service.exited).toMatchObject({ code: 78 });
    const { stderr, stdout } = service.output();
    expect(stdout).toBe('');
    expect(stderr).toContain('sample: the configuration has 3 faults');
    for (const variable of ['FRAME_BUFFER_SIZE', 'FRAME_BUFFER_PORT', 'FRAME_BUFFER_NATS_URL'])
      expect(stderr).toContain(variable);
    expect(stderr).not.toContain('s3cret');
    expect(service.messages).toEqual([
      { type: 'failed', service: 'sample', code: 'config_invalid', message: expect.stringContaining('3 faults') },
    ]);
  });

  test('a typo - is a warning, the service starts', async () => {
    const service = run({ FRAME_BUFFER_SIZES: '3' });
    expect(await service.logged('config.variableUnknown')).toMatchObject({
      level: 'warn',
      variable: 'FRAME_BUFFER_SIZES',
      suggestion: 'FRAME_BUFFER_SIZE',
    });
    await service.logged('service.ready');
  });
});

describe('P2 stopping', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('%s - drains, closes, exit 0', async (signal) => {
    const service = run({ FRAME_BUFFER_INSTANCE: 'sample-1' });
    const ready = await service.logged('service.ready');
    expect(ready).toMatchObject({ service: 'sample', instance: 'sample-1', port: expect.any(Number) });
    expect((await fetch(`http://127.0.0.1:${ready['port']}/ready`)).status).toBe(200);
    service.child.kill(signal);
    expect(await service.exited).toEqual({ code: 0, signal: null });
    expect(service.events()).toEqual([
      'service.starting',
      'service.ready',
      'service.stopping',
      'sample.draining',
      'service.stopped',
    ]);
    expect(service.lines[2]).toMatchObject({ reason: signal });
    expect(service.messages).toEqual([{ type: 'ready', service: 'sample', port: ready['port'] }]);
  });

  test('a parent that disconnects - ends the service', async () => {
    const service = run();
    await service.logged('service.ready');
    service.child.disconnect();
    expect(await service.exited).toEqual({ code: 0, signal: null });
    expect(await service.logged('service.stopping')).toMatchObject({ reason: 'parent gone' });
  });

  test('a parent that is killed - takes the service along, though its pipe is broken', async () => {
    const source = `
      const { fork } = require('node:child_process');
      const child = fork(${JSON.stringify(fixture)}, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
      child.on('message', ({ type }) => console.log(type, child.pid));`;
    const parent = spawn(process.execPath, ['-e', source], { stdio: ['ignore', 'pipe', 'pipe'] });
    started.push(parent);
    const ended = once(parent.stderr.resume(), 'end');
    const [line] = await once(parent.stdout, 'data');
    expect(String(line)).toMatch(/^ready \d+/);
    orphans.push(Number(String(line).split(' ')[1]));
    parent.kill('SIGKILL');
    // Parent and service hold the other end of this pipe: it ends when both are gone.
    await ended;
    orphans.pop();
  });

  test('a signal while starting - ends a start that does not heed it, exit 0', async () => {
    const service = run({ FRAME_BUFFER_BEHAVIOUR: 'hangsAtStart' });
    await service.logged('sample.waiting');
    service.child.kill('SIGTERM');
    expect(await service.exited).toEqual({ code: 0, signal: null });
    expect(service.messages).toEqual([]);
    expect(service.events()).not.toContain('service.ready');
  });

  test('a stop that fails - is logged, exit 1', async () => {
    const service = run({ FRAME_BUFFER_BEHAVIOUR: 'failsAtStop' });
    await service.logged('service.ready');
    service.child.kill('SIGTERM');
    expect(await service.exited).toMatchObject({ code: 1 });
    expect(await service.logged('service.stopFailed')).toMatchObject({ error: { message: 'the last frame is stuck' } });
  });
});

describe('P3 and P4 a stop that hangs', () => {
  test('past the bound - exit 1; health is there meanwhile, readiness is not', async () => {
    const service = run({ FRAME_BUFFER_BEHAVIOUR: 'hangsAtStop', FRAME_BUFFER_SHUTDOWN_MS: '1500' });
    const { port } = await service.logged('service.ready');
    service.child.kill('SIGTERM');
    await service.logged('sample.draining');
    expect((await fetch(`http://127.0.0.1:${port}/ready`)).status).toBe(503);
    expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200);
    expect(await service.exited).toMatchObject({ code: 1 });
    expect(await service.logged('service.stopTimedOut')).toMatchObject({ level: 'error', bound_ms: 1500 });
  });

  test('the same signal again - ends it at once, but not right behind the first', async () => {
    const service = run({ FRAME_BUFFER_BEHAVIOUR: 'hangsAtStop' });
    await service.logged('service.ready');
    const repeating = setInterval(() => service.child.kill('SIGINT'), 20);
    const { code } = await service.exited;
    clearInterval(repeating);
    expect(code).toBe(130);
    const [stopping, forced] = [await service.logged('service.stopping'), await service.logged('service.stopForced')];
    expect(Date.parse(String(forced['time'])) - Date.parse(String(stopping['time']))).toBeGreaterThanOrEqual(245);
  });

  test('another signal - does not cut the stop short', async () => {
    const service = run({ FRAME_BUFFER_BEHAVIOUR: 'hangsAtStop', FRAME_BUFFER_SHUTDOWN_MS: '800' });
    await service.logged('service.ready');
    service.child.kill('SIGINT');
    await service.logged('service.stopping');
    const repeating = setInterval(() => service.child.kill('SIGTERM'), 20);
    const { code } = await service.exited;
    clearInterval(repeating);
    expect(code).toBe(1);
    await service.logged('service.stopTimedOut');
  });
});

describe('failing', () => {
  test('a taken port - names the port and what to set, to the log, the terminal and the parent', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    const service = run({ FRAME_BUFFER_PORT: String(port) });
    expect(await service.exited).toMatchObject({ code: 1 });
    holder.close();
    const told = expect.stringMatching(
      new RegExp(`Port ${port} on 127.0.0.1 is taken.*FRAME_BUFFER_PORT.*--port-base`),
    );
    expect(await service.logged('service.startFailed')).toMatchObject({
      level: 'fatal',
      error: { code: 'port_taken', port },
    });
    expect(service.output().stderr).toEqual(told);
    expect(service.messages).toEqual([{ type: 'failed', service: 'sample', code: 'port_taken', message: told }]);
  });

  test('a start that fails - is told without credentials', async () => {
    const service = run({ FRAME_BUFFER_BEHAVIOUR: 'failsAtStart' });
    expect(await service.exited).toMatchObject({ code: 1 });
    expect(service.messages).toMatchObject([
      { type: 'failed', code: 'broker_unreachable', message: 'cannot open nats://***@broker' },
    ]);
    expect(JSON.stringify(service.output())).not.toContain('s3cret');
  });

  test.each([
    ['throws', 'uncaughtException', 'nobody caught this'],
    ['rejects', 'unhandledRejection', 'nobody caught this either'],
  ])('P5 an error that nobody caught (%s) - is fatal, exit 1', async (behaviour, origin, message) => {
    const service = run({ FRAME_BUFFER_BEHAVIOUR: behaviour });
    expect(await service.exited).toMatchObject({ code: 1 });
    expect(await service.logged('service.crashed')).toMatchObject({ level: 'fatal', origin, error: { message } });
    expect(service.events()).not.toContain('service.stopped');
  });
});
