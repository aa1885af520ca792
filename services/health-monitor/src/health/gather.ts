/** Collects the facts that health is judged by. Never throws and takes about a second at most: what cannot be asked is unknown. */
import { streamDefinitions } from '@frame-buffer/protocol';
import { redactUrls } from '@frame-buffer/telemetry';
import type { NatsConnection } from '@nats-io/nats-core';
import type { Directory } from '../directory.ts';
import type { Queues } from '../streams/queues.ts';
import { readQueues } from '../streams/queues.ts';
import type { StreamState, StreamStates } from '../streams/stream-states.ts';
import { within } from '../within.ts';
import type { Facts } from './assess.ts';

export interface Sources {
  readonly natsUrl: string;
  readonly connected: boolean;
  readonly justReconnected: boolean;
  readonly ledger: Facts['ledger'];
  /** Undefined until connected for the first time. */
  readonly nc: NatsConnection | undefined;
  readonly states: StreamStates | undefined;
  readonly directory: Directory | undefined;
}

const BOUND_MS = 1_000;

export async function gatherFacts(sources: Sources): Promise<Facts> {
  const { connected, nc, directory, ledger, justReconnected } = sources;
  const [rttMs, streams, queues] = await Promise.all([
    connected && nc !== undefined ? within(BOUND_MS, nc.rtt()).catch(() => undefined) : undefined,
    gatherStreams(sources),
    gatherQueues(sources),
  ]);
  const version = nc?.info?.version;
  return {
    broker: {
      connected,
      url: redactUrls(sources.natsUrl),
      ...(version === undefined ? {} : { version }),
      ...(rttMs === undefined ? {} : { rttMs }),
    },
    streams: streams ?? [],
    services: directory === undefined ? [] : services(directory),
    processors: directory === undefined ? [] : processors(directory, queues),
    cameras: [...(directory?.cameras ?? [])],
    ledger,
    known: connected && streams !== undefined && (directory !== undefined || streams.some(({ exists }) => !exists)),
    justReconnected: justReconnected || directory === undefined,
  };
}

async function gatherStreams({ connected, states }: Sources): Promise<Facts['streams'] | undefined> {
  if (!connected || states === undefined) return undefined;
  try {
    const all = await within(BOUND_MS, states.all());
    const busiest = new Map<string, number>();
    for (const { name, retention } of streamDefinitions()) {
      if (retention !== 'workqueue' || all.get(name) === undefined) continue;
      const subjects = await within(BOUND_MS, states.subjects(name));
      busiest.set(name, Math.max(0, ...subjects.values()));
    }
    return streamDefinitions().map(({ name, retention }) => {
      const state = all.get(name);
      return {
        name,
        exists: state !== undefined,
        messages: state?.messages ?? 0,
        bytes: state?.bytes ?? 0,
        share: state === undefined ? 0 : shareOf(state, busiest.get(name) ?? 0),
        refusesWhenFull: retention === 'workqueue',
      };
    });
  } catch {
    return undefined;
  }
}

/** Of the tighter of its bounds, two decimals. */
function shareOf({ bytes, maxBytes, maxMessagesPerSubject }: StreamState, busiestSubject: number): number {
  const ofBytes = maxBytes > 0 ? bytes / maxBytes : 0;
  const ofSubject = maxMessagesPerSubject > 0 ? busiestSubject / maxMessagesPerSubject : 0;
  return Math.round(100 * Math.max(ofBytes, ofSubject)) / 100;
}

async function gatherQueues({ connected, states }: Sources): Promise<Queues> {
  const none: Queues = { lanes: [], processors: [] };
  if (!connected || states === undefined) return none;
  return within(BOUND_MS, readQueues(states)).catch(() => none);
}

function services(directory: Directory): Facts['services'] {
  const byName = new Map<string, Facts['services'][number]>();
  for (const { kind, name, instance, http, state } of directory.instances) {
    if (kind !== 'service') continue;
    const service = byName.get(name) ?? { name, instances: [] };
    service.instances.push({ instance, state, ...(http === undefined ? {} : { http }) });
    byName.set(name, service);
  }
  return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function processors(directory: Directory, queues: Queues): Facts['processors'] {
  const instances = [...directory.instances].filter(({ kind }) => kind === 'processor');
  return [...directory.processors]
    .map(({ name, capabilities, liveness }) => {
      const own = instances.filter((instance) => instance.name === name);
      return {
        name,
        capabilities: [...capabilities],
        liveness,
        instances: own.length,
        queued: queues.processors.find(({ processor }) => processor === name)?.messages ?? 0,
        blockedMs: Math.max(0, ...own.map(({ blockedMs = 0 }) => blockedMs)),
      };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
