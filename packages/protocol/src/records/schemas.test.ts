import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { cameraSchema } from './camera.ts';
import { deadLetterSchema } from './dead-letter.ts';
import { eventSchema } from './event.ts';
import { balanceSchema, ledgerSchema } from './ledger.ts';
import { DEFAULT_POLICY, policySchema } from './policy.ts';
import { instanceSchema, processorSchema } from './processor.ts';
import { resultSchema } from './result.ts';

const at = '2026-01-02T03:04:05.678Z';
const balance = {
  captured: 1,
  processed: 1,
  superseded: 0,
  expired: 0,
  shed: 0,
  dead_lettered: 0,
  in_flight: 0,
  unaccounted: 0,
  redelivered: 0,
};
const { in_flight: _f, unaccounted: _u, redelivered: _r, ...outcomes } = balance;

const records: Record<string, [z.ZodType, Record<string, unknown>]> = {
  camera: [cameraSchema, { name: 'cam1', url: 'push:', capabilities: ['motion'] }],
  policy: [policySchema, { maxAgeMs: 5 }],
  processor: [processorSchema, { name: 'motion', capabilities: ['motion'] }],
  instance: [instanceSchema, { kind: 'processor', name: 'motion', instance: 'motion-1', startedAt: at }],
  result: [
    resultSchema,
    {
      frame: 'cam1.1.1',
      camera: 'cam1',
      capability: 'motion',
      processor: 'motion',
      instance: 'm-1',
      capturedAt: at,
      ageMs: 1.5,
      handledMs: 0,
      attempt: 0,
      result: { boxes: [[1, 2]] },
    },
  ],
  deadLetter: [
    deadLetterSchema,
    {
      reason: 'handler_failed',
      error: { name: 'Error', message: 'x' },
      attempts: 3,
      failedAt: at,
      source: 'work.motion.normal',
    },
  ],
  event: [eventSchema, { kind: 'camera', id: 'cam1', at, by: 'gateway-1', event: 'camera.stalled' }],
  balance: [balanceSchema, balance],
  ledger: [
    ledgerSchema,
    {
      ledger: balance,
      exact: true,
      conflicts: 0,
      reasons: { handled: 1 },
      cameras: { cam1: outcomes },
      capabilities: { motion: outcomes },
    },
  ],
};

const messages = (schema: z.ZodType, value: unknown) =>
  schema.safeParse(value).error?.issues.map(({ message }) => message) ?? [];

describe('schemas', () => {
  it.each(Object.entries(records))(
    '%s takes the least that is needed, and nothing of it may be missing',
    (_, [schema, least]) => {
      expect(messages(schema, least)).toEqual([]);
      // A policy is all defaults.
      if (schema === policySchema) return;
      for (const key of Object.keys(least)) {
        const { [key]: _gone, ...rest } = least;
        expect(schema.safeParse(rest).success, key).toBe(false);
      }
    },
  );

  it.each(['camera', 'policy', 'processor'])('%s, which people write, refuses keys it does not know', (name) => {
    const [schema, least] = records[name] ?? [];
    expect(schema?.safeParse({ ...least, capabilites: ['x'] }).error?.issues).toMatchObject([
      { code: 'unrecognized_keys', keys: ['capabilites'] },
    ]);
  });

  it.each(['instance', 'result', 'deadLetter', 'event', 'balance', 'ledger'])(
    '%s, which programs write, ignores keys of a later version',
    (name) => {
      const [schema, least] = records[name] ?? [];
      expect(schema?.safeParse({ ...least, new: 1 }).success).toBe(true);
    },
  );

  it('a registration without capabilities is told what is missing', () => {
    const missing = 'a processor names at least one capability: capabilities is a list such as ["detect-person"]';
    for (const capabilities of [undefined, [], null, 'motion', {}])
      expect(messages(processorSchema, { name: 'motion', capabilities })).toEqual([missing]);
    expect(messages(processorSchema, { name: 'motion' })).toEqual([missing]);
    expect(messages(cameraSchema, { name: 'cam1', url: 'push:' })).toEqual([missing.replace('processor', 'camera')]);
  });

  it('capabilities are bounded, different names', () => {
    const faults = (capabilities: unknown) => messages(processorSchema, { name: 'motion', capabilities });
    const many = (n: number) => Array.from({ length: n }, (_, i) => `c${i}`);
    expect(faults(many(16))).toEqual([]);
    expect(faults(many(17))).toEqual(['a processor names at most 16 capabilities']);
    expect(faults(['motion', 'motion'])).toEqual(['a capability is named twice']);
    expect(faults(['a.b'])).toEqual([expect.stringContaining('capability "a.b" is not allowed')]);
    expect(faults([7])).toHaveLength(1);
  });

  it('a processor that says nothing else is a plain client that reads JPEG, one frame at a time', () => {
    expect(processorSchema.parse(records['processor']?.[1])).toEqual({
      name: 'motion',
      capabilities: ['motion'],
      concurrency: 1,
      maxBatch: 1,
      maxQueue: 1000,
      encodings: ['jpeg'],
      settles: false,
      liveness: 'registration',
      ackWaitMs: 30_000,
      labels: {},
      version: '',
    });
  });

  it.each<[string, unknown]>([
    ['concurrency', 0],
    ['concurrency', 4097],
    ['maxBatch', 1025],
    ['maxQueue', 0],
    ['maxQueue', 1.5],
    ['encodings', []],
    ['encodings', ['h264']],
    ['liveness', 'never'],
    ['ackWaitMs', 999],
    ['labels', { 'a.b': 'x' }],
    ['labels', { zone: 'x'.repeat(201) }],
    ['version', 'x'.repeat(101)],
    ['name', '>'],
  ])('a processor with %s %j is refused', (key, value) => {
    const result = processorSchema.safeParse({ name: 'motion', capabilities: ['motion'], [key]: value });
    expect(result.error?.issues[0]?.path[0]).toBe(key);
  });

  it('the default policy gives a task a minute', () => {
    expect(DEFAULT_POLICY).toEqual({ maxAgeMs: 60_000 });
    expect(policySchema.safeParse({ maxAgeMs: -1 }).success).toBe(false);
  });
});
