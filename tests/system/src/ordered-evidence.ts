/**
 * What SETTLEMENTS and RESULTS say of former owners, read message by message: was anything of a partition taken from an instance
 * after the fence of the next owner had gone up?
 */
import { decodeSettlement, partitionOf } from '@frame-buffer/protocol';
import type { TestBroker } from '@frame-buffer/testkit';
import { jetstreamManager } from '@nats-io/jetstream';

export interface Evidence {
  /** Fences, one a take-over. */
  readonly takeOvers: number;
  /** Messages of instances that were not the owner by then. */
  readonly accepted: readonly string[];
}

export async function acceptedFromStaleOwners(
  broker: TestBroker,
  processor: string,
  partitions = 8,
): Promise<Evidence> {
  const nc = await broker.connect({ name: 'evidence' });
  const jsm = await jetstreamManager(nc);
  const messages = async (stream: string) => {
    const { state } = await jsm.streams.info(stream);
    const found: { seq: number; subject: string; data: Uint8Array }[] = [];
    for (let seq = state.first_seq; seq <= state.last_seq && state.messages > 0; seq++) {
      const message = await jsm.direct.getMessage(stream, { seq }).catch(() => null);
      if (message !== null) found.push({ seq, subject: message.subject, data: message.data });
    }
    return found;
  };
  // Who was told to be the owner of which epoch stands in the log of events; who really wrote, in the streams.
  const assigned = (await messages('EVENTS'))
    .filter(({ subject }) => subject === `events.processor.${processor}`)
    .map(({ data }) => JSON.parse(Buffer.from(data).toString()) as { event: string; cause?: string })
    .flatMap(({ event, cause = '' }) => {
      const match = /^p(\d+) epoch (\d+)(?: to (\S+))?: /.exec(cause);
      if (match === null || !event.startsWith('partition.')) return [];
      return [{ partition: Number(match[1]), epoch: Number(match[2]), instance: match[3] ?? '' }];
    });
  const owner = new Map<number, string>();
  const ownersInOrder = new Map<number, string[]>();
  for (const { partition, instance } of assigned) {
    const list = ownersInOrder.get(partition) ?? [];
    list.push(instance);
    ownersInOrder.set(partition, list);
  }
  const accepted: string[] = [];
  let takeOvers = 0;

  const fencesSeen = new Map<number, number>();
  for (const { seq, subject, data } of await messages('SETTLEMENTS')) {
    const fence = new RegExp(`^settled\\.${processor}_p(\\d+)$`).exec(subject);
    if (fence !== null) {
      takeOvers += 1;
      advance(Number(fence[1]), fencesSeen);
      continue;
    }
    const opened = decodeSettlement(data);
    if (!opened.ok) continue;
    for (const { processor: by, instance, camera, kind } of opened.settlement.entries) {
      if (by !== processor || instance === undefined) continue;
      const now = owner.get(partitionOf(camera, partitions));
      if (now !== instance) accepted.push(`settlement ${seq}: ${kind} of ${camera} by ${instance}, owner ${now}`);
    }
  }
  owner.clear();
  const resultFences = new Map<number, number>();
  for (const { seq, subject, data } of await messages('RESULTS')) {
    const fence = new RegExp(`^results\\._fence\\.${processor}_p(\\d+)$`).exec(subject);
    if (fence !== null) {
      advance(Number(fence[1]), resultFences);
      continue;
    }
    const { instance, camera } = JSON.parse(Buffer.from(data).toString()) as { instance: string; camera: string };
    const now = owner.get(partitionOf(camera, partitions));
    if (now !== instance) accepted.push(`result ${seq} of ${camera} by ${instance}, owner ${now}`);
  }
  await nc.close();
  return { takeOvers, accepted };

  function advance(partition: number, seen: Map<number, number>): void {
    const count = seen.get(partition) ?? 0;
    seen.set(partition, count + 1);
    owner.set(partition, ownersInOrder.get(partition)?.[count] ?? '');
  }
}
