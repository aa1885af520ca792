import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { balanceOf } from '../ledger.fixture.ts';
import { ledgerLines, ledgerSentence } from './ledger-view.ts';
import { paint } from './paint.ts';
import { renderView } from './render.ts';
import { cameraOf, snapshotOf } from './snapshot.fixture.ts';
import { sparkline } from './sparkline.ts';
import { statusLine } from './status-line.ts';

const plain = paint(false);
const render = (more: Parameters<typeof snapshotOf>[0] = {}, height = 50) =>
  renderView(snapshotOf(more), { width: 80, height, style: plain });

test('the view', () => {
  expect(`\n${render().join('\n')}\n`).toMatchInlineSnapshot(`
    "
    Frame Buffer  running  1 min 12 s  60.0 results/s ▁▂▃▆█

    CAMERA       STATE          FPS  PICTURE   LAST RESULTS
    cam-1        streaming     10.0  640×360   motion 0.31 · quality sharpness 0.82
    door         backing off      –  –         connection refused

    CAPABILITY       WAITING   DONE/S          CAPTURE TO RESULT
    motion                 0     30.0                      24 ms
    quality           12,345        –                          –

    PROCESSOR      INSTANCES   DONE/S  IN HAND / ROOM  PER FRAME
    motion                 1     30.0       2 / 1,000       3 ms
    quality                0      0.0           0 / –          –

    LEDGER (tasks of this run)
           4,212 captured   adds up
    =      4,190 processed
    +          0 expired
    +          2 shed
    +          0 dead-lettered
    +         15 in flight
    +          0 unaccounted
    +          5 settling

    Ctrl-C drains and ends
    "
  `);
});

test('while it drains, with parts that had to be started again', () => {
  const parts = [
    { name: 'motion', state: 'waiting', pid: 1, restarts: 2 },
    { name: 'registry', state: 'running', pid: 2, restarts: 0 },
  ] as const;
  const lines = render({ phase: 'draining', parts, faults: ['No instance of capture-gateway lives.'] });
  expect(lines.slice(1, 4)).toEqual(['coming back: motion', 'started again: motion 2×', '']);
  expect(lines.at(-1)).toBe('draining; Ctrl-C once more ends at once');
});

test('what stays at the end tells nobody what to press', () => {
  expect(render({ phase: 'ended' }).at(-1)).toMatch(/^\+ .* settling$/);
});

test('faults are shown while it runs, the worst three', () => {
  expect(render({ faults: ['a', 'b', 'c', 'd'] }).filter((line) => line.startsWith('!'))).toEqual([
    '! a',
    '! b',
    '! c',
  ]);
});

test('a fault is written out, since its second half says what to do', () => {
  const fault =
    'No instance of orchestrator lives, so frames wait in their lanes until they expire: start one, or look at the end of its log.';
  const written = [
    '! No instance of orchestrator lives, so frames wait in their lanes until they',
    '  expire: start one, or look at the end of its log.',
  ];
  expect(render({ faults: [fault] })).toEqual(expect.arrayContaining(written));
  const cameras = Array.from({ length: 4 }, (_, index) => cameraOf(`cam-${index + 1}`));
  const low = render({ faults: [fault, 'less grave'], cameras }, 24);
  expect(low.length).toBeLessThan(24);
  expect(low).toEqual(expect.arrayContaining(written));
  expect(low.join('\n')).not.toContain('less grave');
});

test('V1 no line is wider than the terminal, whatever is in it', () => {
  const long = 'x'.repeat(200);
  const hostile = snapshotOf({
    remainingMs: 1_000,
    cameras: [
      cameraOf(long, { state: 'streaming', fps: 12_345.6, width: 65_535, height: 65_535 }),
      cameraOf('b', { state: 'failed', cause: long }),
    ],
    results: [{ camera: long, capability: long, text: long }],
    capabilities: [{ name: long, waiting: 1e9, processedPerSecond: 1e5, ageMs: 1e9 }],
    processors: [
      {
        name: long,
        instances: 1e3,
        outstanding: 1e9,
        window: 1e9,
        inFlight: 0,
        processedPerSecond: 1e6,
        serviceMs: 1e9,
      },
    ],
    parts: [{ name: long, state: 'starting', pid: 1, restarts: 3 }],
    faults: [long],
    throughput: Array.from({ length: 500 }, (_, index) => index),
  });
  for (const width of [60, 80, 200]) {
    for (const line of renderView(hostile, { width, height: 24, style: paint(true) })) {
      expect(stripVTControlCharacters(line).length, line).toBeLessThanOrEqual(width);
    }
  }
});

test('V2 without colours there is no escape sequence, and with them the text is the same', () => {
  const coloured = renderView(snapshotOf(), { width: 80, height: 50, style: paint(true) }).join('\n');
  expect(render().join('\n')).not.toContain('\u001B');
  expect(coloured).toContain('\u001B[32m');
  expect(stripVTControlCharacters(coloured)).toBe(render().join('\n'));
});

describe('V3 in a low terminal', () => {
  test('the ledger is written closer', () => {
    const lines = render({}, 24);
    expect(lines.length).toBeLessThan(24);
    expect(lines.slice(-6)).toMatchInlineSnapshot(`
      [
        "LEDGER (tasks of this run)",
        "captured 4,212 = processed 4,190 + expired 0 + shed 2 + dead-lettered 0",
        "   + in flight 15 + unaccounted 0 + settling 5",
        "   adds up",
        "",
        "Ctrl-C drains and ends",
      ]
    `);
  });

  test('the cameras that have no room are counted', () => {
    const cameras = Array.from({ length: 64 }, (_, index) => cameraOf(`cam-${index + 1}`));
    const lines = render({ cameras }, 24);
    expect(lines.length).toBeLessThan(24);
    expect(lines.filter((line) => line.startsWith('cam-'))).toHaveLength(4);
    expect(lines).toContain('and 60 more');
  });
});

describe('the ledger', () => {
  const lines = (counts: Parameters<typeof balanceOf>[0], more: { exact?: boolean; stale?: boolean } = {}) =>
    ledgerLines({ ...balanceOf(counts), exact: true, stale: false, ...more }, plain);

  /** The number at the beginning of each line, the first one being the sum. */
  const numbers = (text: readonly string[]) =>
    text.map((line) => Number(/^[=+]?\s*([\d,]+)/.exec(line)?.[1]?.replaceAll(',', '')));

  test.each([
    [{ captured: 10, processed: 10 }],
    [
      {
        captured: 4_212,
        processed: 4_000,
        superseded: 3,
        expired: 100,
        shed: 9,
        dead_lettered: 50,
        in_flight: 40,
        unaccounted: 10,
      },
    ],
    [{ captured: 10, processed: 4, in_flight: 2 }],
  ])('adds up: %j', (counts) => {
    const [sum = 0, ...terms] = numbers(lines(counts));
    expect(terms.reduce((total, value) => total + value, 0)).toBe(sum);
    expect(lines(counts)[0]).toContain('adds up');
  });

  test('says when it is an estimate, and when it is old', () => {
    const [first] = lines({ captured: 10, in_flight: 12, redelivered: 3 }, { exact: false, stale: true });
    expect(first).toBe('          10 captured   in flight is an estimate, not the latest, 3 worked again');
    expect(ledgerLines(undefined, plain)).toEqual(['not read yet']);
  });

  test('in one line', () => {
    expect(ledgerSentence(balanceOf({ captured: 12, processed: 10, unaccounted: 2 }))).toBe(
      'captured 12 = processed 10 + unaccounted 2',
    );
  });
});

test('sparkline', () => {
  expect(sparkline([0, 1, 2, 4, 8], 10)).toBe('▁▂▃▅█');
  expect(sparkline([0, 0], 10)).toBe('▁▁');
  expect(sparkline([9, 1, 2], 2)).toBe('▅█');
  expect(sparkline([1], 0)).toBe('');
  expect(sparkline([], 5)).toBe('');
});

test('the status line of what is no terminal', () => {
  expect(statusLine(snapshotOf())).toMatchInlineSnapshot(
    `"1 min 12 s; 1 of 2 cameras at 10.0 fps; 60.0 results/s; captured 4,212 = processed 4,190 + shed 2 + in flight 15 + settling 5"`,
  );
});
