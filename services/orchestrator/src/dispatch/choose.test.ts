import {
  type BatchView,
  type Encoding,
  encodeBatch,
  openBatch,
  type Policy,
  type PolicyInput,
  type ProcessorInput,
  policySchema,
  processorSchema,
} from '@frame-buffer/protocol';
import { describe, expect, test } from 'vitest';
import { Credits } from '../credit/credits.ts';
import { buildRouteTable, type RouteTable } from '../routes/route-table.ts';
import { choose } from './choose.ts';

interface FrameOf {
  readonly encoding?: Encoding;
  readonly camera?: string;
  readonly width?: number;
}

function batchOf(frames: readonly FrameOf[]): BatchView {
  const items = frames.map(({ encoding = 'jpeg', width = 4, camera = `cam-${encoding}-${width}` }, i) => ({
    ageMs: 0,
    frame: {
      camera,
      epoch: 1,
      sequence: i + 1,
      capturedAtMs: 0,
      width,
      height: width,
      encoding,
      byteSize: 1,
      pixelSequence: 1,
      capabilities: ['look'],
      priority: 5,
      maxAgeMs: 0,
    },
  }));
  const opened = openBatch(encodeBatch({ capability: 'look' }, items));
  if (!opened.ok) throw new Error(opened.detail);
  return opened.batch;
}

const jpegs = (count: number) => batchOf(Array.from({ length: count }, () => ({})));

/** A site of processors under a policy, on one clock that stands still. */
function site(inputs: readonly ProcessorInput[], policy?: PolicyInput, onTrial?: string) {
  const credits = new Credits('me', () => 0);
  const policies = new Map<string, Policy>(policy === undefined ? [] : [['look', policySchema.parse(policy)]]);
  const processors = inputs.map((input) => processorSchema.parse(input));
  const trials = new Set(onTrial === undefined ? [] : [onTrial]);
  const table = buildRouteTable({ processors, instances: [], policies, credits, onTrial: trials });
  return { credits, table, decide: decider(table) };
}

/** One decision in words: `name×count at step`, `skip×count`, or what there is to wait for. */
function decider(table: RouteTable) {
  return (batch: BatchView, from = 0): string => {
    const decision = choose(batch, { from, to: batch.frameCount }, table, 0);
    if ('wait' in decision) return decision.wait;
    if ('skip' in decision) return `skip×${decision.skip}`;
    const { route, count, step } = decision.choice;
    return `${route.processor.name}×${count} at ${step}`;
  };
}

const look = (name: string, more: Partial<ProcessorInput> = {}): ProcessorInput => ({
  name,
  capabilities: ['look'],
  maxBatch: 64,
  ...more,
});

describe('choose', () => {
  test('nobody capable, and nobody who can read the encoding', () => {
    expect(site([]).decide(jpegs(10))).toBe('nobody');
    expect(site([{ name: 'other', capabilities: ['hear'] }]).decide(jpegs(10))).toBe('nobody');
    expect(site([look('raw', { encodings: ['rgb24'] })]).decide(jpegs(10))).toBe('nobody');
  });

  test('no room is told apart from nobody', () => {
    const { credits, decide } = site([look('busy')]);
    credits.of('busy').dispatched(100);
    expect(decide(jpegs(10))).toBe('no_room');
  });

  test('as many frames as room and maxBatch allow', () => {
    expect(site([look('p', { concurrency: 3 })]).decide(jpegs(10))).toBe('p×6 at *');
    expect(site([look('p', { concurrency: 3, maxBatch: 1 })]).decide(jpegs(10))).toBe('p×1 at *');
  });

  test('least loaded is the default: the one that would have the task done soonest', () => {
    const { credits, decide } = site([look('slow', { concurrency: 4 }), look('fast', { concurrency: 4 })]);
    for (let i = 0; i < 20; i++) {
      credits.of('slow').settled(10, 0, 1_000, 0);
      credits.of('fast').settled(10, 0, 10, 0);
    }
    credits.of('fast').dispatched(2);
    expect(decide(jpegs(10))).toContain('fast');
  });

  test('equals take turns', () => {
    const { decide } = site(['a', 'b', 'c'].map((name) => look(name, { maxBatch: 1 })));
    expect([0, 1, 2, 3].map(() => decide(jpegs(10)))).toEqual(['a×1 at *', 'b×1 at *', 'c×1 at *', 'a×1 at *']);
  });

  test('a run ends where the encoding is one that the route cannot read', () => {
    const { table } = site([look('p', { concurrency: 9 })]);
    const mixed = batchOf([{}, {}, { encoding: 'rgb24' }, {}]);
    expect(choose(mixed, { from: 0, to: 4 }, table, 0)).toMatchObject({ choice: { count: 2 } });
    expect(choose(mixed, { from: 3, to: 4 }, table, 0)).toMatchObject({ choice: { count: 1 } });
    expect(choose(mixed, { from: 2, to: 4 }, table, 0)).toEqual({ wait: 'nobody' });
  });

  test('a run of a sticky capability ends where a camera belongs to somebody else', () => {
    const { decide } = site(
      ['a', 'b', 'c'].map((name) => look(name, { concurrency: 64 })),
      { strategy: 'sticky' },
    );
    const cameras = ['cam-1', 'cam-2', 'cam-3', 'cam-4', 'cam-5', 'cam-6', 'cam-7'];
    const owner = (camera: string) => decide(batchOf([{ camera }])).split('×')[0];
    const batch = batchOf(cameras.flatMap((camera) => [{ camera }, { camera }]));
    const placed: (string | undefined)[] = [];
    while (placed.length < batch.frameCount) {
      const [name, count] = decide(batch, placed.length).split(/×| at /);
      placed.push(...Array.from({ length: Number(count) }, () => name));
    }
    expect(placed).toEqual(cameras.flatMap((camera) => [owner(camera), owner(camera)]));
    expect(new Set(placed).size).toBeGreaterThan(1);
  });
});

describe('fallback chain', () => {
  const gpu = look('g', { labels: { gpu: '' } });
  const cpu = look('c', { labels: { cpu: '' } });
  const chain: PolicyInput = { require: 'gpu', fallback: ['cpu', 'skip'] };

  test('each step only while nobody is ready in those before it', () => {
    expect(site([gpu, cpu], chain).decide(jpegs(2))).toBe('g×2 at gpu');
    expect(site([cpu], chain).decide(jpegs(2))).toBe('c×2 at cpu');
    expect(site([], chain).decide(jpegs(2))).toBe('skip×2');
  });

  test('a full step is waited for, unless the next one says when: full', () => {
    const full = (policy: PolicyInput, ...busy: string[]) => {
      const { credits, decide } = site([gpu, cpu], policy);
      for (const name of busy) credits.of(name).dispatched(100);
      return decide(jpegs(2));
    };
    expect(full(chain, 'g')).toBe('no_room');
    const spill: PolicyInput = { require: 'gpu', fallback: [{ require: 'cpu', when: 'full' }, 'skip'] };
    expect(full(spill, 'g')).toBe('c×2 at cpu');
    expect(full(spill, 'g', 'c')).toBe('no_room');
    const shed: PolicyInput = {
      ...spill,
      fallback: [
        { require: 'cpu', when: 'full' },
        { skip: true, when: 'full' },
      ],
    };
    expect(full(shed, 'g', 'c')).toBe('skip×2');
    expect(full({ require: 'gpu', fallback: ['cpu', { skip: true, when: 'full' }] }, 'g')).toBe('no_room');
  });

  test('skip waits for those who are ready, however full, when it says nothing', () => {
    const { credits, decide } = site([gpu], { require: 'gpu', fallback: [{ require: 'cpu', when: 'full' }, 'skip'] });
    credits.of('g').dispatched(100);
    expect(decide(jpegs(2))).toBe('no_room');
  });

  test('frames that a step does not take go to the next one, and not along with others', () => {
    const policy: PolicyInput = { require: 'gpu', constraints: { minSize: 'hd' }, fallback: ['cpu', 'skip'] };
    const { decide } = site([look('g', { labels: { gpu: '' }, concurrency: 9 }), cpu], policy);
    const mixed = batchOf([{ width: 1000 }, { width: 1000 }, { width: 10 }, { width: 1000 }]);
    expect(decide(mixed)).toBe('g×2 at gpu');
    expect(decide(mixed, 2)).toBe('c×1 at cpu');
    const small = site([gpu, cpu], { require: 'gpu', constraints: { maxSize: 'sd' }, fallback: ['cpu'] });
    expect([small.decide(batchOf([{ width: 10 }])), small.decide(batchOf([{ width: 1000 }]))]).toEqual([
      'g×1 at gpu',
      'c×1 at cpu',
    ]);
    const encoded = site([gpu, cpu], { require: 'gpu', constraints: { encodings: ['png'] }, fallback: ['skip'] });
    expect(encoded.decide(batchOf([{}, { encoding: 'none' }]))).toBe('skip×1');
  });

  test('each step has its own strategy', () => {
    const fleet = ['a', 'b'].map((name) => look(name, { labels: { cpu: '' }, concurrency: 99 }));
    const { decide } = site(fleet, {
      require: 'gpu',
      fallback: [{ require: 'cpu', strategy: 'priority' }],
      priorities: { b: 1 },
    });
    expect([0, 1, 2].map(() => decide(jpegs(1)))).toEqual(['b×1 at cpu', 'b×1 at cpu', 'b×1 at cpu']);
  });
});

describe('choose - a processor on trial', () => {
  const chain: PolicyInput = { require: 'gpu', fallback: ['cpu', 'skip'] };
  const fleet = [
    look('gpu', { labels: { gpu: '' }, concurrency: 50 }),
    look('cpu', { labels: { cpu: '' }, concurrency: 50 }),
  ];

  test('gets its few tasks; all others go on as though it were not there', () => {
    const { credits, decide } = site(fleet, chain, 'gpu');
    credits.of('gpu').limit(2);
    expect(decide(jpegs(10))).toBe('gpu×2 at gpu');
    credits.of('gpu').dispatched(2);
    expect(decide(jpegs(10))).toBe('cpu×10 at cpu');
    credits.of('cpu').dispatched(100);
    expect(decide(jpegs(10))).toBe('no_room');
    credits.of('gpu').settled(1, 1, 1, 0);
    expect(decide(jpegs(10))).toBe('gpu×1 at gpu');
  });

  test('is tried only where the chain comes to it', () => {
    const { credits, decide } = site(fleet, chain, 'cpu');
    credits.of('gpu').dispatched(100);
    expect(decide(jpegs(1))).toBe('no_room');
  });

  test('the rest is skipped where its chain ends so, and waits where there is nobody else', () => {
    const [gpu] = fleet as [ProcessorInput];
    const skipping = site([gpu], chain, 'gpu');
    skipping.credits.of('gpu').limit(0);
    expect(skipping.decide(jpegs(10))).toBe('skip×10');
    const alone = site([gpu], undefined, 'gpu');
    alone.credits.of('gpu').limit(0);
    expect(alone.decide(jpegs(10))).toBe('no_room');
  });

  test('comes before its neighbours, and holds none of their frames', () => {
    const { credits, decide } = site([look('a'), look('b', { concurrency: 50 })], { strategy: 'sticky' }, 'a');
    credits.of('a').limit(1);
    expect(decide(jpegs(10))).toBe('a×1 at *');
    credits.of('a').dispatched(1);
    for (const camera of ['one', 'two', 'three', 'four']) expect(decide(batchOf([{ camera }]))).toBe('b×1 at *');
  });
});
