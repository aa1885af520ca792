import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { token } from '../tests/arbitraries.ts';
import { BUCKET, bucketDefinitions, cameraLeaseKey, instanceKey, parseInstanceKey } from './buckets.ts';
import { isToken } from './names.ts';
import { REASONS } from './outcome.ts';
import { DEFAULT_STREAM_SIZES, STREAM, streamDefinitions } from './streams.ts';
import { anySubject, bandOf, durable, endpoint, LANES, processorOfWorkSubject, subject } from './subjects.ts';

/** Every builder of a subject, durable or key, with an argument that is allowed in each place. */
const builders: [string, (...args: never[]) => string, string[]][] = [
  ['subject.frames', subject.frames, ['motion', 'high']],
  ['subject.pixels', subject.pixels, ['cam1']],
  ['subject.work', subject.work, ['motion', 'retry']],
  ['subject.workOf', subject.workOf, ['motion']],
  ['subject.results', subject.results, ['motion', 'cam1']],
  ['subject.settled', subject.settled, ['motion-1']],
  ['subject.dead', subject.dead, ['motion', 'handler_failed']],
  ['subject.event', subject.event, ['camera', 'cam1']],
  ['durable.lane', durable.lane, ['motion', 'low']],
  ['durable.processor', durable.processor, ['motion']],
  ['instanceKey', instanceKey, ['processor', 'motion', 'motion-1']],
  ['cameraLeaseKey', cameraLeaseKey, ['cam1']],
];
const call = (build: (...args: never[]) => string, args: string[]) => build(...(args as never[]));

const hostile = fc.oneof(
  fc.constantFrom('', '.', 'a.b', '*', '>', 'a.>', ' ', 'a b', 'a\r\nb', '$JS', 'a'.repeat(300), 'ü'),
  fc.string().filter((text) => !/^[a-z0-9][a-z0-9_-]{0,62}$/.test(text)),
);

/** Do two subjects with wildcards share a subject? */
function overlap(a: string, b: string): boolean {
  const [left, right] = [a.split('.'), b.split('.')];
  for (let i = 0; ; i++) {
    const [x, y] = [left[i], right[i]];
    if (x === undefined && y === undefined) return true;
    if (x === undefined || y === undefined) return false;
    if (x === '>' || y === '>') return true;
    if (x !== '*' && y !== '*' && x !== y) return false;
  }
}

describe('subjects', () => {
  it.each(builders)('%s takes nothing but tokens', (name, build, args) => {
    const built = call(build, args);
    expect(built).toMatch(/^[a-zA-Z0-9_-]+(\.([a-z0-9_-]+|\*))*$/);
    for (const [i] of args.entries()) {
      // The kind of an instance is one of two words of our own.
      if (name === 'instanceKey' && i === 0) continue;
      fc.assert(
        fc.property(hostile, (text) => {
          const code = name === 'subject.dead' && i === 1 ? 'invalid_reason' : 'invalid_name';
          expect(() => call(build, args.with(i, text))).toThrow(expect.objectContaining({ code }));
        }),
      );
    }
  });

  it('of any names lie in the one stream they are for', () => {
    const home = (text: string) =>
      streamDefinitions()
        .filter(({ subjects }) => subjects.some((pattern) => overlap(pattern, text)))
        .map(({ name }) => name);
    fc.assert(
      fc.property(token, token, fc.constantFrom(...LANES), (a, b, lane) => {
        expect(home(subject.frames(a, lane))).toEqual([STREAM.frames]);
        expect(home(subject.pixels(a))).toEqual([STREAM.pixels]);
        expect(home(subject.work(a, lane))).toEqual([STREAM.work]);
        expect(home(subject.results(a, b))).toEqual([STREAM.results]);
        expect(home(subject.settled(a))).toEqual([STREAM.settlements]);
        expect(home(subject.dead(a, b))).toEqual([STREAM.deadLetters]);
        expect(home(subject.event(a, b))).toEqual([STREAM.events]);
      }),
    );
  });

  it('of dead letters take every reason there is', () => {
    for (const reason of Object.values(REASONS).flat())
      expect(subject.dead('motion', reason)).toBe(`dead.motion.${reason}`);
  });

  it('name their processor', () => {
    expect(processorOfWorkSubject(subject.work('motion', 'low'))).toBe('motion');
    expect(processorOfWorkSubject('')).toBe('');
  });

  it.each([
    [0, 'low'],
    [3, 'low'],
    [4, 'normal'],
    [7, 'normal'],
    [8, 'high'],
    [10, 'high'],
  ])('priority %d is served in band %s', (priority, band) => {
    expect(bandOf(priority)).toBe(band);
  });

  it('of requests lie in no stream', () => {
    for (const request of Object.values(endpoint))
      for (const { subjects } of streamDefinitions())
        for (const pattern of subjects) expect(overlap(pattern, request)).toBe(false);
  });
});

describe('streams', () => {
  const definitions = streamDefinitions();

  it('are defined once each, and share no subject', () => {
    expect(definitions.map(({ name }) => name).sort()).toEqual(Object.values(STREAM).sort());
    const owned = definitions.flatMap(({ name, subjects }) => subjects.map((text) => ({ name, text })));
    for (const [i, a] of owned.entries())
      for (const b of owned.slice(i + 1)) expect(overlap(a.text, b.text), `${a.name} ${b.name}`).toBe(false);
    expect(overlap('a.*', 'a.b') && overlap('a.>', 'a.b.c') && !overlap('a.*', 'a.b.c')).toBe(true);
  });

  it('hold what the filters for whole kinds read', () => {
    const { ackMetrics, ...filters } = anySubject;
    for (const filter of Object.values(filters))
      expect(definitions.some(({ subjects }) => subjects.includes(filter))).toBe(true);
    expect(ackMetrics).toContain(STREAM.work);
  });

  it('are all bounded: queues refuse what does not fit, logs forget their oldest by age', () => {
    for (const { retention, discard, maxBytes, maxMessagesPerSubject, maxAgeMs } of definitions) {
      expect(maxBytes).toBeGreaterThan(0);
      if (retention === 'workqueue')
        expect([discard, (maxMessagesPerSubject ?? 0) > 0, maxAgeMs]).toEqual(['new', true, undefined]);
      else expect([discard, maxMessagesPerSubject, (maxAgeMs ?? 0) > 0]).toEqual(['old', undefined, true]);
    }
  });

  it('take the size of PIXELS from the site', () => {
    const sized = streamDefinitions({ pixelsMaxBytes: 5, pixelsMaxAgeMs: 6 });
    expect(sized.find(({ name }) => name === STREAM.pixels)).toMatchObject({ maxBytes: 5, maxAgeMs: 6 });
    expect(definitions.find(({ name }) => name === STREAM.pixels)).toMatchObject({
      maxBytes: DEFAULT_STREAM_SIZES.pixelsMaxBytes,
    });
  });
});

describe('buckets', () => {
  it('are defined once each, with names that are tokens', () => {
    expect(bucketDefinitions.map(({ name }) => name).sort()).toEqual(Object.values(BUCKET).sort());
    for (const { name } of bucketDefinitions) expect(isToken(name)).toBe(true);
  });

  it('keys of instances come apart again, and nothing else does', () => {
    fc.assert(
      fc.property(fc.constantFrom('processor' as const, 'service' as const), token, token, (kind, name, instance) => {
        expect(parseInstanceKey(instanceKey(kind, name, instance))).toEqual({ kind, name, instance });
      }),
    );
    for (const key of ['', 'processor', 'processor.a', 'processor.a.b.c', 'processor..b', 'processor.A.b', '..'])
      expect(parseInstanceKey(key)).toBeUndefined();
  });
});
