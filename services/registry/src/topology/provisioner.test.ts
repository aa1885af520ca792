import type { Provisioned, Topology } from '@frame-buffer/jetstream';
import { bucketDefinitions, DEFAULT_STREAM_SIZES, processorSchema, streamDefinitions } from '@frame-buffer/protocol';
import { createLogger } from '@frame-buffer/telemetry';
import { JetStreamApiError } from '@nats-io/jetstream';
import { expect, test } from 'vitest';
import { Provisioner } from './provisioner.ts';

type Ensure = (name: string) => Provisioned;

function found(what: Provisioned['what'], name: string, field?: string): Provisioned {
  const differences = field === undefined ? [] : [{ field, wanted: 1, found: 2 }];
  return { what, name, state: field === undefined ? 'verified' : 'different', differences };
}

function refusal(code: number): JetStreamApiError {
  return new JetStreamApiError({ code: 400, err_code: code, description: 'refused' });
}

function provisioner(answers: { stream?: Ensure; processor?: () => Provisioned; updated?: () => void }) {
  const asked: string[] = [];
  const lines: string[] = [];
  const topology = {
    ensureStream: async ({ name }: { name: string }) => {
      asked.push(name);
      return answers.stream?.(name) ?? found('stream', name);
    },
    ensureBucket: async ({ name }: { name: string }) => {
      asked.push(name);
      return found('bucket', name);
    },
    ensureProcessor: async ({ name }: { name: string }) => answers.processor?.() ?? found('consumer', name),
    updateProcessor: async () => answers.updated?.(),
  } as unknown as Topology;
  const log = createLogger({
    service: 'test',
    write: (line) => {
      const { event, name, field } = JSON.parse(line) as Record<string, string>;
      lines.push([event, name, field].filter(Boolean).join(' '));
    },
  });
  return { it: new Provisioner({ topology, sizes: DEFAULT_STREAM_SIZES, log }), asked, lines };
}

const ALL = [...streamDefinitions(), ...bucketDefinitions].map(({ name }) => name);

test.each([10013, 10058, 10148])('T2 what another registry made meanwhile (%d) is looked at again', async (code) => {
  let isFirst = true;
  const { it } = provisioner({
    stream: (name) => {
      if (name === ALL[0] && isFirst) {
        isFirst = false;
        throw refusal(code);
      }
      return found('stream', name);
    },
  });
  await it.provision();
  it.completed();
  expect(it.report().state).toBe('verified');
});

test('T3 a difference is logged once, stays in the report, and its end is logged', async () => {
  let field: string | undefined = 'max_bytes';
  const { it, lines } = provisioner({ stream: (name) => found('stream', name, name === ALL[0] ? field : undefined) });
  await it.provision();
  await it.provision();
  it.completed();
  expect(lines).toEqual([`topology.different ${ALL[0]} max_bytes`]);
  expect(it.report().state).toBe('different');
  field = undefined;
  await it.provision();
  expect(lines.slice(1)).toEqual([`topology.agrees ${ALL[0]}`]);
  expect(it.report().state).toBe('verified');
});

test('one stream that is refused holds up none of the others, and is reported with the reason', async () => {
  const { it, asked } = provisioner({
    stream: (name) => {
      if (name === ALL[1]) throw refusal(10047);
      return found('stream', name);
    },
  });
  await expect(it.provision()).rejects.toMatchObject({ code: 'broker_unavailable', retryable: true });
  expect(asked).toEqual(ALL);
  const failed = it.report().entries.filter(({ state }) => state === 'failed');
  expect(failed).toMatchObject([{ name: ALL[1], error: expect.stringContaining('refused') }]);
});

test('a broker that does not answer is not asked the rest', async () => {
  const { it, asked } = provisioner({
    stream: () => {
      throw new Error('timeout');
    },
  });
  await expect(it.provision()).rejects.toMatchObject({ code: 'broker_unavailable' });
  expect(asked).toEqual([ALL[0]]);
});

test.each([
  ['ack_wait', 1],
  ['sample_freq', 1],
  ['filter_subject', 0],
])('T1 align changes a consumer that differs in %s %d times', async (field, times) => {
  let updates = 0;
  const { it } = provisioner({
    processor: () => found('consumer', 'p', updates === 0 ? field : undefined),
    updated: () => {
      updates += 1;
    },
  });
  await it.align(processorSchema.parse({ name: 'p', capabilities: ['c'] }));
  expect(updates).toBe(times);
});
