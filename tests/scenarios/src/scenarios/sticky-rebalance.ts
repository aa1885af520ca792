/**
 * An ordered capability on three instances, then one joins, one leaves, one is killed, and one is frozen for 8 s and wakes up. How
 * long are partitions without an owner, does every camera keep its order, and is anything taken from whoever was replaced?
 */
import { join } from 'node:path';
import { decodeSettlement, partitionOf, STREAM } from '@frame-buffer/protocol';
import { makeTestFolder, type ServiceProcess, Site, until } from '@frame-buffer/testkit';
import { type Handled, readHandled, rounded } from '../handled-log.ts';
import { atMost, exactly, type Scenario } from '../scenario.ts';

const PARTITIONS = 8;
const CAMERAS = 8;
const FPS = 15;
/** So long that a frozen instance has calls in flight. */
const HANDLER_MS = 40;
const FROZEN_MS = 8_000;
const NAME = 'tracker';

interface PartitionsAnswer {
  readonly partitions: readonly { partition: number; instance: string; epoch: number; state: string }[];
}

export const stickyRebalance: Scenario = {
  name: 'sticky-rebalance',
  summary: 'an ordered capability: instances join, leave, die and freeze; order, take-over time, stale writes',
  async run({ progress }) {
    await using folder = await makeTestFolder('sticky');
    const log = join(folder.path, 'handled.log');
    await using site = await Site.start([
      'registry',
      'health-monitor',
      'orchestrator',
      'orchestrator',
      'capture-gateway',
    ]);
    await keepPolicy(site);
    const spawn = () =>
      site.spawnEntry(NAME, join(import.meta.dirname, '../scripted-processor.ts'), {
        SCRIPT_NAME: NAME,
        SCRIPT_CAPABILITY: 'track',
        SCRIPT_LOG: log,
        SCRIPT_MS: String(HANDLER_MS),
        SCRIPT_CONCURRENCY: String(CAMERAS),
      });
    const first = await Promise.all([spawn(), spawn(), spawn()]);
    await shared(site, first);
    for (let i = 1; i <= CAMERAS; i++)
      await site.addCamera(`cam-${i}`, { url: `test-pattern:?width=64&height=64&fps=${FPS}`, capabilities: ['track'] });
    await more(log, 200);

    const seconds: Record<string, number> = {};
    const step = async (name: string, act: () => Promise<ServiceProcess[]>) => {
      const began = performance.now();
      const owners = await act();
      await shared(site, owners);
      seconds[name] = rounded((performance.now() - began) / 1000);
      progress(`${name}: shared by ${owners.length} after ${seconds[name]?.toFixed(2)} s`);
      await more(log, 200);
    };
    const [a, b, c] = first as [ServiceProcess, ServiceProcess, ServiceProcess];
    const d = await spawn();
    await step('join', async () => [a, b, c, d]);
    await step('leave', async () => {
      b.kill('SIGTERM');
      await b.exited;
      return [a, c, d];
    });
    await step('crash', async () => {
      c.kill('SIGKILL');
      return [a, d];
    });
    const frozenAt = performance.now();
    await step('freeze', async () => {
      a.kill('SIGSTOP');
      return [d];
    });
    await until(() => performance.now() - frozenAt, {
      what: 'it to wake',
      is: (ms) => ms > FROZEN_MS,
      timeoutMs: 10_000,
    });
    await step('wake', async () => {
      a.kill('SIGCONT');
      return [a, d];
    });

    await site.process('capture-gateway').stop();
    const { ledger } = await site.settled();
    const handled = readHandled(log);
    const once = new Set(handled.map(({ frame }) => frame));
    const lost = ledger.captured - ledger.shed - ledger.expired - ledger.superseded - once.size;
    const stale = await staleAccepted(site);
    const refused = a.logs.filter(({ event }) => event === 'partition.fenced').length;
    const repeats = handled.length - once.size;
    return {
      cameras: CAMERAS,
      partitions: PARTITIONS,
      seconds_to_take_over: seconds,
      take_overs: stale.takeOvers,
      captured: ledger.captured,
      processed: ledger.processed,
      superseded: ledger.superseded,
      repeats,
      redelivered: ledger.redelivered,
      order_violations: violations(handled),
      stale_refused: refused,
      stale_accepted: stale.accepted,
      lost,
      goals: [
        exactly('order violations', violations(handled), 0),
        exactly('stale settlements and results accepted', stale.accepted, 0),
        exactly('frames lost', lost, 0),
        exactly('unaccounted', ledger.unaccounted, 0),
        atMost('repeats beyond those counted', Math.max(0, repeats - ledger.redelivered), 0),
        atMost('seconds to take over from a killed instance', seconds['crash'] ?? Infinity, 5),
        atMost('seconds to take over from a frozen instance', seconds['freeze'] ?? Infinity, 5),
        atMost('seconds to share with one that joins', seconds['join'] ?? Infinity, 5),
      ],
    };
  },
};

async function keepPolicy(site: Site): Promise<void> {
  const answer = await fetch(site.url('registry', '/api/v1/capabilities/track'), {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ordered: true, partitions: PARTITIONS }),
  });
  if (!answer.ok) throw new Error(`policy: ${answer.status} ${await answer.text()}`);
}

/** Every partition has one of these as its owner, evenly. */
async function shared(site: Site, instances: readonly ServiceProcess[]): Promise<void> {
  await until(
    async () => {
      const { partitions } = await site.get<PartitionsAnswer>('registry', `/api/v1/processors/${NAME}/partitions`);
      return partitions.filter(({ state }) => state === 'assigned').map(({ instance }) => instance);
    },
    {
      what: `the partitions to be shared by ${instances.map(({ name }) => name).join(', ')}`,
      is: (owners) =>
        owners.length === PARTITIONS &&
        instances.every(
          ({ name }) => owners.filter((owner) => owner === name).length >= Math.floor(PARTITIONS / instances.length),
        ),
      timeoutMs: 30_000,
    },
  );
}

async function more(log: string, frames: number): Promise<void> {
  const from = readHandled(log).length;
  await until(() => readHandled(log).length, {
    what: `${frames} further frames`,
    is: (length) => length >= from + frames,
    timeoutMs: 30_000,
    intervalMs: 50,
  });
}

/** First runs that came behind a later frame of their camera. */
function violations(handled: readonly Handled[]): number {
  const seen = new Set<string>();
  const newest = new Map<string, Handled>();
  let count = 0;
  for (const run of handled) {
    if (seen.has(run.frame)) continue;
    seen.add(run.frame);
    const last = newest.get(run.camera);
    const isBehind =
      last !== undefined && (run.epoch < last.epoch || (run.epoch === last.epoch && run.sequence < last.sequence));
    if (isBehind) count += 1;
    else newest.set(run.camera, run);
  }
  return count;
}

/**
 * Reads SETTLEMENTS and RESULTS message by message, and EVENTS for who was made the owner: everything of a partition that came
 * behind the fence of another owner was taken from a stale one.
 */
async function staleAccepted(site: Site): Promise<{ takeOvers: number; accepted: number }> {
  const nc = await site.broker.connect({ name: 'evidence' });
  async function* messages(stream: string) {
    const { state } = (await nc.request(`$JS.API.STREAM.INFO.${stream}`)).json<{
      state: { first_seq: number; last_seq: number; messages: number };
    }>();
    for (let seq = state.first_seq; seq <= state.last_seq && state.messages > 0; seq++) {
      const message = await nc.request(`$JS.API.DIRECT.GET.${stream}`, JSON.stringify({ seq }));
      const subject = message.headers?.get('Nats-Subject') ?? '';
      if (subject !== '') yield { subject, data: message.data, json: <T>() => message.json<T>() };
    }
  }
  const owners = new Map<number, string[]>();
  for await (const message of messages(STREAM.events)) {
    const { event, cause = '' } = message.json<{ event: string; cause?: string }>();
    const match = /^p(\d+) epoch \d+(?: to (\S+))?: /.exec(cause);
    if (match === null || !event.startsWith('partition.')) continue;
    const partition = Number(match[1]);
    owners.set(partition, [...(owners.get(partition) ?? []), match[2] ?? '']);
  }
  let accepted = 0;
  let takeOvers = 0;
  for (const stream of [STREAM.settlements, STREAM.results]) {
    const fences = new Map<number, number>();
    const isStale = (instance: string, camera: string) => {
      const partition = partitionOf(camera, PARTITIONS);
      return owners.get(partition)?.[(fences.get(partition) ?? 0) - 1] !== instance;
    };
    for await (const message of messages(stream)) {
      const fence = new RegExp(`^(?:settled|results\\._fence)\\.${NAME}_p(\\d+)$`).exec(message.subject);
      if (fence !== null) {
        fences.set(Number(fence[1]), (fences.get(Number(fence[1])) ?? 0) + 1);
        if (stream === STREAM.settlements) takeOvers += 1;
      } else if (stream === STREAM.results) {
        const { instance, camera } = message.json<{ instance: string; camera: string }>();
        if (isStale(instance, camera)) accepted += 1;
      } else {
        const opened = decodeSettlement(message.data);
        for (const { processor, instance, camera } of opened.ok ? opened.settlement.entries : [])
          if (processor === NAME && instance !== undefined && isStale(instance, camera)) accepted += 1;
      }
    }
  }
  await nc.close();
  return { takeOvers, accepted };
}
