import { type AuditEvent, type Policy, policySchema } from '@frame-buffer/protocol';
import { describe, expect, test } from 'vitest';
import { Policies } from './policies.ts';

/** A bucket that the test writes to. */
async function following(initial: Readonly<Record<string, Policy>> = {}) {
  const events: Omit<AuditEvent, 'at' | 'by'>[] = [];
  let changes = 0;
  let tell: (key: string, value: Policy | undefined) => void = () => {};
  let complain: (key: string, detail: string) => void = () => {};
  const policies = await Policies.follow({
    events: { record: (event) => events.push(event) },
    log: { info: () => {}, error: () => {} },
    open: async (onInvalid) => {
      complain = onInvalid;
      return {
        watch: async (on) => {
          tell = (key, value) => on(key, value && { key, value, revision: 1 });
          for (const [key, value] of Object.entries(initial)) tell(key, value);
          return { initial: Promise.resolve(), isCurrent: () => true, stop: () => {} };
        },
      };
    },
  });
  policies.onChange(() => {
    changes += 1;
  });
  const put = (key: string, value: Policy | undefined) => tell(key, value);
  const spoil = (key: string, detail: string) => {
    complain(key, detail);
    tell(key, undefined);
  };
  return { policies, events, put, spoil, changes: () => changes };
}

const gpu = policySchema.parse({ require: 'gpu' });
const cpu = policySchema.parse({ require: 'cpu' });

describe('policies', () => {
  test('P1 - a change is in force at once, told and audited; what was there at the start is not audited', async () => {
    const { policies, events, put, changes } = await following({ look: gpu });
    expect(policies.current.get('look')).toBe(gpu);
    expect(events).toEqual([]);
    put('look', cpu);
    expect(policies.current.get('look')).toBe(cpu);
    expect(events).toEqual([
      { kind: 'capability', id: 'look', event: 'policy.applied', cause: expect.stringContaining('"require":"cpu"') },
    ]);
    put('look', undefined);
    expect(policies.current.has('look')).toBe(false);
    expect(events.at(-1)).toMatchObject({ event: 'policy.applied', cause: 'removed: the default' });
    expect(changes()).toBe(2);
  });

  test('P2 - a record that cannot be read leaves the policy before in force', async () => {
    const { policies, events, put, spoil, changes } = await following({ look: gpu });
    spoil('look', 'no JSON');
    expect(policies.current.get('look')).toBe(gpu);
    expect(events).toEqual([{ kind: 'capability', id: 'look', event: 'policy.refused', cause: 'no JSON' }]);
    expect(changes()).toBe(0);
    put('look', undefined);
    expect(policies.current.has('look')).toBe(false);
  });

  test('P2 - a key that is no capability is left alone', async () => {
    const { policies, events, put } = await following();
    put('a.b', gpu);
    expect([...policies.current]).toEqual([]);
    expect(events).toEqual([]);
  });
});
