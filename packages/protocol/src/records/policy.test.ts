import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { policySchema } from './policy.ts';
import { policySteps } from './policy-steps.ts';

const faults = (policy: unknown) =>
  (policySchema.safeParse(policy).error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);

describe('policy', () => {
  it('says nothing, and means: everybody, the least loaded', () => {
    expect(policySteps(policySchema.parse({}))).toEqual([
      { kind: 'pool', name: '*', labels: { kind: 'any' }, strategy: 'least-loaded', constraints: {}, when: 'unready' },
    ]);
  });

  it('a chain of short forms, written out', () => {
    const steps = policySteps(
      policySchema.parse({
        require: ' gpu ',
        strategy: 'sticky',
        fallback: [
          'cpu',
          { require: '*', strategy: 'round-robin', when: 'full', constraints: { maxSize: 'hd' } },
          'skip',
        ],
      }),
    );
    expect(steps).toMatchObject([
      { name: 'gpu', strategy: 'sticky', when: 'unready' },
      { name: 'cpu', strategy: 'least-loaded', when: 'unready' },
      { name: '*', strategy: 'round-robin', when: 'full', constraints: { maxSize: 'hd' } },
      { kind: 'skip', name: 'skip', when: 'unready' },
    ]);
    expect(policySteps(policySchema.parse({ fallback: [{ skip: true, when: 'full' }] }))[1]).toEqual({
      kind: 'skip',
      name: 'skip',
      when: 'full',
    });
  });

  it('what is kept reads as what was given', () => {
    const policy = policySchema.parse({ require: 'gpu', weights: { a: 1, b: 0 }, fallback: ['cpu', { skip: true }] });
    expect(policySchema.parse(JSON.parse(JSON.stringify(policy)))).toEqual(policy);
  });

  it.each<[string, unknown, string]>([
    [
      'a label expression that does not parse',
      { require: 'gpu &' },
      'require: not a label expression: expected a label, "!", "*" or "(" at position 6, found the end',
    ],
    [
      'one in the chain',
      { fallback: ['cpu', 'gpu)'] },
      'fallback.1: not a label expression: expected "&", "|" or the end at position 4, found ")"',
    ],
    [
      'one in a step',
      { fallback: [{ require: 'a b' }] },
      'fallback.0.require: not a label expression: expected "&", "|" or the end at position 3, found "b"',
    ],
    [
      'an unknown strategy',
      { strategy: 'fastest' },
      'strategy: unknown strategy "fastest": use least-loaded, round-robin, weighted, sticky, priority',
    ],
    [
      'an unknown strategy in a step',
      { fallback: [{ require: 'a', strategy: 'x' }] },
      'fallback.0: strategy: unknown strategy "x": use',
    ],
    ['broadcast', { strategy: 'broadcast' }, 'strategy: the strategy broadcast cannot be used: '],
    ['negative weights', { weights: { a: 3, b: -1 } }, 'weights.b: a weight is at least 0, not -1'],
    ['weights that are no numbers', { weights: { a: 'x' } }, 'weights.a: a weight is a number from 0'],
    [
      'weights that are all zero',
      { weights: { a: 0, b: 0 } },
      'weights: all weights are 0, so that nobody would get work',
    ],
    ['weights of no name', { weights: { 'a.b': 1 } }, 'weights.a.b: "a.b" cannot be a processor\'s name: use 1 to 63'],
    [
      'a chain that comes back',
      { require: 'gpu', fallback: ['cpu', 'gpu'] },
      'fallback.1: the chain goes in a circle: gpu → cpu → gpu',
    ],
    [
      'a chain that comes back in other words',
      { fallback: ['a & b', '(b & a)'] },
      'fallback.1: the chain goes in a circle: a & b → (b & a)',
    ],
    ['everybody, and then everybody', { fallback: ['*'] }, 'fallback.0: the chain goes in a circle: * → *'],
    ['a step after skip', { fallback: ['skip', 'cpu'] }, 'fallback.0: skip ends the chain'],
    ['a step that says nothing', { fallback: [{ when: 'full' }] }, 'fallback.0: a step has "require"'],
    [
      'a step that skips and requires',
      { fallback: [{ skip: true, require: 'a' }] },
      'fallback.0: a step that skips has nothing',
    ],
    ['a step that is no step', { fallback: [7] }, 'fallback.0: a step is a label expression'],
    ['a misspelled step', { fallback: [{ requires: 'a' }] }, 'fallback.0: Unrecognized key: "requires"'],
    ['an unknown condition', { fallback: [{ require: 'a', when: 'never' }] }, 'fallback.0: when: '],
    ['too many steps', { fallback: Array.from({ length: 9 }, (_, i) => `l${i}`) }, 'fallback: '],
    [
      'sizes that exclude one another',
      { constraints: { minSize: 'uhd', maxSize: 'sd' } },
      'constraints: no frame is at least uhd and at most sd',
    ],
    ['an unknown size', { constraints: { minSize: '4k' } }, 'constraints.minSize: '],
  ])('%s is refused with a clear message', (_, policy, message) => {
    expect(faults(policy)).toEqual([expect.stringContaining(message)]);
  });

  it('the same labels for other frames are another step', () => {
    expect(faults({ require: 'gpu', constraints: { minSize: 'hd' }, fallback: ['cpu', 'gpu'] })).toEqual([]);
  });

  it('can be described as JSON Schema', () => {
    expect(() => z.toJSONSchema(policySchema, { io: 'input' })).not.toThrow();
  });
});
