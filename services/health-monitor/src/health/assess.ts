/**
 * From facts to a judgement: overall status, and for each fault a sentence that says what to do. Pure.
 *
 * `failing`: frames do not flow, or are about to be refused. `degraded`: they flow, but somebody should look.
 */
import { z } from 'zod';

export const HEALTH_STATUS = ['ok', 'degraded', 'failing'] as const;
export type HealthStatus = (typeof HEALTH_STATUS)[number];

const count = z.int().min(0);

export const brokerSchema = z.object({
  connected: z.boolean(),
  /** Without credentials. */
  url: z.string(),
  version: z.string().optional(),
  /** Round trip, milliseconds. */
  rttMs: z.number().min(0).optional(),
});

export const streamSchema = z.object({
  name: z.string(),
  exists: z.boolean(),
  messages: count,
  bytes: count,
  /** Of its tightest bound, 0 to 1. */
  share: z.number().min(0),
  /** A queue refuses at its bound; a log forgets its oldest, which is as it should be. */
  refusesWhenFull: z.boolean(),
});

export const serviceSchema = z.object({
  name: z.string(),
  instances: z.array(z.object({ instance: z.string(), http: z.string().optional(), state: z.string() })),
});

export const processorHealthSchema = z.object({
  name: z.string(),
  capabilities: z.array(z.string()),
  liveness: z.string(),
  /** Instances whose heartbeat lives. */
  instances: count,
  /** Messages in its queue, delivered or not. */
  queued: count,
  /** The longest time that an instance's event loop has not answered, milliseconds. */
  blockedMs: count,
});

export const faultSchema = z.object({
  /** Stable, such as `stream_missing`. */
  code: z.string(),
  severity: z.enum(['degraded', 'failing']),
  /** What it is about: the name of a stream, service, processor, camera. */
  about: z.string(),
  /** What is wrong and what to do. */
  message: z.string(),
});

export type Fault = z.infer<typeof faultSchema>;

export const healthSchema = z.object({
  status: z.enum(HEALTH_STATUS),
  faults: z.array(faultSchema),
  broker: brokerSchema,
  streams: z.array(streamSchema),
  services: z.array(serviceSchema),
  processors: z.array(processorHealthSchema),
});

export type Health = z.infer<typeof healthSchema>;

export interface Facts extends Omit<Health, 'status' | 'faults'> {
  readonly cameras: readonly { readonly name: string; readonly capabilities: readonly string[] }[];
  readonly ledger: { readonly balanced: boolean; readonly stale: boolean; readonly unaccounted: number };
  /** Were streams and records readable? Before the first connection, and while the broker is away, they are not. */
  readonly known: boolean;
  /** The broker came back so recently that living instances may not have been heard of since. */
  readonly justReconnected: boolean;
}

/** Without the first and second nothing is captured or dispatched; the third is needed for whatever is new. */
const EXPECTED_SERVICES: readonly (readonly [name: string, severity: Fault['severity'], consequence: string])[] = [
  ['capture-gateway', 'failing', 'no camera is captured'],
  ['orchestrator', 'failing', 'frames wait in their lanes until they expire'],
  ['registry', 'degraded', 'no new processor, camera capability or stream can be provisioned'],
];

const NEARLY_FULL = 0.8;
const FULL = 0.98;
const BLOCKED_MS = 5_000;

export function assess(facts: Facts): Health {
  const { broker, streams, services, processors } = facts;
  const faults = [...brokerFaults(facts)];
  if (facts.known) {
    faults.push(...streamFaults(facts), ...capabilityFaults(facts), ...ledgerFaults(facts));
    if (!facts.justReconnected) faults.push(...serviceFaults(facts), ...processorFaults(facts));
  }
  faults.sort((a, b) => HEALTH_STATUS.indexOf(b.severity) - HEALTH_STATUS.indexOf(a.severity));
  return { status: faults[0]?.severity ?? 'ok', faults, broker, streams, services, processors };
}

function* brokerFaults({ broker, known }: Facts): Generator<Fault> {
  if (!broker.connected) {
    const message = `No NATS broker answers at ${broker.url}: start nats-server there, or set FRAME_BUFFER_NATS_URL. All services reconnect by themselves.`;
    yield { code: 'broker_unreachable', severity: 'failing', about: 'broker', message };
  } else if (!known) {
    const message =
      'The streams or records cannot be read: if the system is just starting, wait for the registry, which makes them; else look at the log of the broker.';
    yield { code: 'broker_unavailable', severity: 'failing', about: 'broker', message };
  }
}

function* streamFaults({ streams }: Facts): Generator<Fault> {
  for (const { name, exists, share, refusesWhenFull } of streams) {
    if (!exists) {
      const message = `The stream ${name} does not exist: start the registry, which makes it; if it runs, its log says why it cannot.`;
      yield { code: 'stream_missing', severity: 'failing', about: name, message };
    } else if (refusesWhenFull && share >= NEARLY_FULL) {
      const message = `The stream ${name} is ${Math.floor(share * 100)} % full and refuses more at 100 %: start more instances of the processors whose queues are longest (/api/v1/queues), or take the capability from some cameras.`;
      yield { code: 'stream_nearly_full', severity: share >= FULL ? 'failing' : 'degraded', about: name, message };
    }
  }
}

function* serviceFaults({ services }: Facts): Generator<Fault> {
  for (const [name, severity, consequence] of EXPECTED_SERVICES) {
    if (services.some((service) => service.name === name && service.instances.length > 0)) continue;
    const message = `No instance of ${name} lives, so ${consequence}: start one, or look at the end of its log.`;
    yield { code: 'service_missing', severity, about: name, message };
  }
}

function* processorFaults({ processors }: Facts): Generator<Fault> {
  for (const { name, liveness, instances, queued, blockedMs } of processors) {
    if (liveness === 'heartbeat' && instances === 0) {
      const waiting =
        queued === 0 ? '' : ` (${queued} ${queued === 1 ? 'message waits' : 'messages wait'} in its queue)`;
      const message = `The processor ${name} has no live instance${waiting}: start one, or deregister it at the registry.`;
      yield { code: 'processor_without_instance', severity: 'degraded', about: name, message };
    }
    if (blockedMs >= BLOCKED_MS) {
      const message = `An instance of the processor ${name} has blocked its event loop for ${Math.round(blockedMs / 1000)} s: its handler computes without awaiting; move that work to a worker thread, or wait if it is meant to take so long.`;
      yield { code: 'processor_blocked', severity: 'degraded', about: name, message };
    }
  }
}

function* capabilityFaults({ cameras, processors }: Facts): Generator<Fault> {
  const offered = new Set(processors.flatMap(({ capabilities }) => capabilities));
  const wanted = new Map<string, string[]>();
  for (const { name, capabilities } of cameras) {
    for (const capability of capabilities) {
      if (!offered.has(capability)) wanted.set(capability, [...(wanted.get(capability) ?? []), name]);
    }
  }
  for (const [capability, names] of wanted) {
    const who = names.length === 1 ? `The camera ${names[0]} asks` : `${names.length} cameras ask`;
    const message = `${who} for ${capability}, which no registered processor offers: its frames wait until their deadline and expire. Start such a processor, or take the capability from the camera.`;
    yield { code: 'capability_without_processor', severity: 'degraded', about: capability, message };
  }
}

function* ledgerFaults({ ledger }: Facts): Generator<Fault> {
  if (ledger.unaccounted > 0) {
    const tasks = ledger.unaccounted === 1 ? '1 task is' : `${ledger.unaccounted} tasks are`;
    const message = `${tasks} unaccounted for: captured, without outcome, and in no stream. Look at /api/v1/ledger for the cameras, and at the logs of what worked them for refused settlements.`;
    yield { code: 'ledger_unbalanced', severity: 'degraded', about: 'ledger', message };
  }
  if (!ledger.balanced || ledger.stale) {
    const message = ledger.balanced
      ? 'The ledger has not been balanced lately: the broker answers slowly, or SETTLEMENTS come faster than they are read. If it lasts, look at the log of health-monitor.'
      : 'The ledger is still reading SETTLEMENTS from its beginning: wait, its figures come then.';
    yield { code: 'ledger_behind', severity: 'degraded', about: 'ledger', message };
  }
}
