/** What the demo consists of, and in which order, as data. */
import { fileURLToPath } from 'node:url';

export type ProcessName = 'registry' | 'health-monitor' | 'orchestrator' | 'motion' | 'quality' | 'capture-gateway';

export interface ProcessSpec {
  readonly name: ProcessName;
  /** Where its port is, counted from `--port-base`; undefined for a processor, which has none. */
  readonly portOffset?: number;
  /** How long it may take to be ready, in ms. */
  readonly readyWithinMs: number;
}

/**
 * Each group is ready before the next one starts: the registry makes what the others wait for, the ledger watches before there is
 * anything to see, and cameras come last, when whoever works their frames is there. Within a group they start together.
 */
export const START_ORDER: readonly (readonly ProcessSpec[])[] = [
  [{ name: 'registry', portOffset: 3, readyWithinMs: 30_000 }],
  // Reads the settlements of earlier runs first, which takes the longer the more there is.
  [{ name: 'health-monitor', portOffset: 0, readyWithinMs: 120_000 }],
  [{ name: 'orchestrator', portOffset: 2, readyWithinMs: 30_000 }],
  [
    { name: 'motion', readyWithinMs: 30_000 },
    { name: 'quality', readyWithinMs: 30_000 },
  ],
  [{ name: 'capture-gateway', portOffset: 1, readyWithinMs: 30_000 }],
];

/** Stopped first and alone: it flushes what it holds, then nothing new is captured. */
export const FIRST_TO_STOP: ProcessName = 'capture-gateway';

/** After the drain. The broker goes last of all. */
export const STOP_ORDER: readonly (readonly ProcessName[])[] = [
  ['capture-gateway'],
  ['motion', 'quality'],
  ['orchestrator'],
  ['registry'],
  ['health-monitor'],
];

/** The program of a process: its TypeScript, which this Node runs as it stands. */
export function entryOf(name: ProcessName): string {
  return fileURLToPath(new URL(`../../../../services/${name}/src/main.ts`, import.meta.url));
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Settings that are this run's to choose. Everything else of the caller's environment reaches the services. */
export function environmentOf(
  env: Environment,
  given: { readonly natsUrl: string; readonly port: number | undefined },
): Environment {
  // One instance name for six processes would make them write one another's records.
  const { FRAME_BUFFER_INSTANCE: _instance, FRAME_BUFFER_PORT: _port, ...rest } = env;
  return {
    ...rest,
    FRAME_BUFFER_NATS_URL: given.natsUrl,
    FRAME_BUFFER_HOST: '127.0.0.1',
    ...(given.port === undefined ? {} : { FRAME_BUFFER_PORT: String(given.port) }),
  };
}
