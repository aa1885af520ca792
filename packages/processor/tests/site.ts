/**
 * A site for tests: a real broker with the system's streams and buckets, a registry that says yes (or what it is told), and
 * an orchestrator's hand to put batches into queues.
 */
import { Publisher, storePicture, Topology } from '@frame-buffer/jetstream';
import {
  type BatchHeader,
  type BatchView,
  BUCKET,
  bucketDefinitions,
  type DeadLetter,
  deadLetterSchema,
  decodeSettlement,
  durable,
  encodeBatch,
  endpoint,
  eventSchema,
  type FrameDescriptor,
  HEADER,
  type Instance,
  instanceKey,
  instanceSchema,
  openBatch,
  processorSchema,
  type Processor as Registration,
  type Result,
  resultSchema,
  type SettlementEntry,
  STREAM,
  type StreamName,
  streamDefinitions,
  subject,
} from '@frame-buffer/protocol';
import { silentLogger } from '@frame-buffer/telemetry';
import { startTestBroker, type TestBroker, until } from '@frame-buffer/testkit';
import { jetstreamManager, type StoredMsg } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { type Msg, headers as makeHeaders, type NatsConnection } from '@nats-io/nats-core';
import { createProcessor, type Processor, type ProcessorOptions } from '../src/index.ts';

export interface DeadLetterOnFile {
  readonly subject: string;
  readonly record: DeadLetter;
  readonly frame: string;
  readonly payload: Uint8Array;
}

/** A message of a lane: frames that went back. */
export interface Returned {
  readonly subject: string;
  readonly msgId: string;
  readonly batch: BatchView;
}

export interface Site {
  readonly broker: TestBroker;
  readonly nc: NatsConnection;
  readonly topology: Topology;
  readonly publisher: Publisher;
  /** Registrations in the order of their arrival. */
  readonly registrations: readonly Registration[];
  /** Answers the next registrations with a service error, until called with undefined. */
  refuse(error: { code: number; text: string } | undefined): void;
  addStream(name: StreamName): Promise<void>;
  /** Stores a picture and describes its frame. */
  frame(frame: Partial<FrameDescriptor> & { sequence: number }, picture?: Uint8Array): Promise<FrameDescriptor>;
  /** One message with these frames into a processor's queue. */
  dispatch(
    processor: string,
    frames: readonly FrameDescriptor[],
    options?: Partial<BatchHeader> & { ageMs?: number; attempt?: number },
  ): Promise<void>;
  dispatchRaw(processor: string, bytes: Uint8Array): Promise<void>;
  /** Messages in WORK, delivered or not. */
  waitingMessages(): Promise<number>;
  /** Entries of SETTLEMENTS; one per key and message. */
  settlements(): Promise<readonly SettlementEntry[]>;
  /** `kind/reason camera:sequences` of all of SETTLEMENTS, merged and sorted. */
  books(): Promise<readonly string[]>;
  results(): Promise<readonly Result[]>;
  deadLetters(): Promise<readonly DeadLetterOnFile[]>;
  instance(processor: string, instance: string): Promise<Instance | undefined>;
  /** What lies in FRAMES. */
  returned(): Promise<readonly Returned[]>;
  /** `<kind>.<id> <event> <from> → <to>` of EVENTS, in order. */
  events(): Promise<readonly string[]>;
  /** Pull requests that stand at a processor's queue. */
  pulls(processor: string): Promise<number>;
  /** A processor "motion", instance "motion-1", that is ready; drained before the broker goes. */
  start(options: Partial<ProcessorOptions>): Promise<Processor>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface SiteOptions {
  /** Streams that do not exist at first. */
  readonly without?: readonly StreamName[];
  /** A registry that is not there at first: `startRegistry` brings it. */
  readonly registry?: boolean;
}

export async function startSite(options: SiteOptions = {}): Promise<Site & { startRegistry(): void }> {
  const broker = await startTestBroker();
  const nc = await broker.connect({ name: 'site' });
  const topology = await Topology.open(nc);
  const jsm = await jetstreamManager(nc, { checkAPI: false });
  for (const definition of streamDefinitions())
    if (!options.without?.includes(definition.name)) await topology.ensureStream(definition);
  for (const definition of bucketDefinitions) await topology.ensureBucket(definition);
  const publisher = new Publisher(nc);
  const registrations: Registration[] = [];
  const started: Processor[] = [];
  let refusal: { code: number; text: string } | undefined;

  const startRegistry = () => {
    nc.subscribe(endpoint.registerProcessor, { callback: (_error, message) => void answer(message) });
  };
  const answer = async (message: Msg) => {
    if (refusal === undefined) {
      const processor = processorSchema.parse(message.json());
      await topology.ensureProcessor(processor);
      registrations.push(processor);
      message.respond('{}');
      return;
    }
    const headers = makeHeaders();
    headers.set('Nats-Service-Error-Code', String(refusal.code));
    headers.set('Nats-Service-Error', refusal.text);
    message.respond('', { headers });
  };
  if (options.registry !== false) startRegistry();

  async function all(stream: StreamName): Promise<StoredMsg[]> {
    const { state } = await jsm.streams.info(stream);
    const messages: StoredMsg[] = [];
    for (let seq = state.first_seq; seq <= state.last_seq && state.messages > 0; seq++) {
      const message = await jsm.streams.getMessage(stream, { seq });
      if (message !== null) messages.push(message);
    }
    return messages;
  }

  const site: Site = {
    broker,
    nc,
    topology,
    publisher,
    registrations,
    refuse: (error) => {
      refusal = error;
    },
    addStream: async (name) => {
      const definition = streamDefinitions().find((one) => one.name === name);
      if (definition !== undefined) await topology.ensureStream(definition);
    },
    frame: async (partial, picture) => {
      const frame: FrameDescriptor = {
        camera: 'cam1',
        epoch: 1,
        capturedAtMs: Date.parse('2026-01-02T03:04:05.678Z'),
        width: 64,
        height: 48,
        encoding: 'jpeg',
        byteSize: picture?.length ?? 0,
        pixelSequence: 0,
        capabilities: ['motion'],
        priority: 5,
        maxAgeMs: 0,
        ...partial,
      };
      if (picture === undefined) return frame;
      const stored = await storePicture(publisher, { ...frame, bytes: picture });
      if (!stored.ok) throw new Error(stored.detail);
      return { ...frame, pixelSequence: stored.sequence };
    },
    dispatch: async (processor, frames, { ageMs = 0, attempt = 0, ...header } = {}) => {
      const batch = encodeBatch(
        { capability: 'motion', dispatcher: 'orchestrator-1', ...header },
        frames.map((frame) => ({ frame, ageMs, attempt })),
      );
      await site.dispatchRaw(processor, batch);
    },
    dispatchRaw: async (processor, bytes) => {
      const stored = await publisher.publish(subject.work(processor, 'normal'), bytes);
      if (!stored.ok) throw new Error(stored.detail);
    },
    waitingMessages: async () => (await jsm.streams.info(STREAM.work)).state.messages,
    settlements: async () =>
      (await all(STREAM.settlements)).flatMap(({ data }) => {
        const opened = decodeSettlement(data);
        if (!opened.ok) throw new Error(opened.detail);
        return opened.settlement.entries;
      }),
    books: async () => {
      const books = new Map<string, Set<number>>();
      for (const { kind, reason, camera, sequences } of await site.settlements()) {
        const key = `${kind}/${reason} ${camera}`;
        const set = books.get(key) ?? new Set();
        for (const sequence of sequences) set.add(sequence);
        books.set(key, set);
      }
      return [...books].map(([key, set]) => `${key}:${[...set].sort((a, b) => a - b).join(',')}`).sort();
    },
    results: async () => (await all(STREAM.results)).map((message) => resultSchema.parse(message.json())),
    deadLetters: async () =>
      (await all(STREAM.deadLetters)).map(({ subject: to, header, data }) => ({
        subject: to,
        record: deadLetterSchema.parse(JSON.parse(header.get(HEADER.error))),
        frame: header.get(HEADER.frame),
        payload: data,
      })),
    instance: async (processor, instance) => {
      const kv = await new Kvm(nc).open(BUCKET.instances);
      const entry = await kv.get(instanceKey('processor', processor, instance));
      return entry?.operation === 'PUT' ? instanceSchema.parse(entry.json()) : undefined;
    },
    returned: async () =>
      (await all(STREAM.frames)).map(({ subject: to, header, data }) => {
        const opened = openBatch(data);
        if (!opened.ok) throw new Error(opened.detail);
        return { subject: to, msgId: header.get(HEADER.msgId), batch: opened.batch };
      }),
    events: async () =>
      (await all(STREAM.events)).map((message) => {
        const { kind, id, event, from = '', to = '' } = eventSchema.parse(message.json());
        return `${kind}.${id} ${event} ${from} → ${to}`;
      }),
    pulls: async (processor) => (await jsm.consumers.info(STREAM.work, durable.processor(processor))).num_waiting,
    start: async (options) => {
      const processor = createProcessor({
        name: 'motion',
        capabilities: ['motion'],
        instance: 'motion-1',
        natsUrl: broker.url,
        logger: silentLogger,
        ...options,
      } as ProcessorOptions);
      started.push(processor);
      await processor.start();
      return processor;
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(started.map((processor) => processor.drain()));
      await broker.stop();
    },
  };
  return Object.assign(site, { startRegistry });
}

/** Resolves when WORK holds nothing any more. */
export async function queueEmpty(site: Site, timeoutMs = 10_000): Promise<void> {
  await until(() => site.waitingMessages(), { what: 'an empty queue', is: (count) => count === 0, timeoutMs });
}

export async function deleteQueue(site: Site, processor: string): Promise<void> {
  const jsm = await jetstreamManager(site.nc, { checkAPI: false });
  await jsm.consumers.delete(STREAM.work, durable.processor(processor));
}
