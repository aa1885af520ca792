/** What the health-monitor counts. Ledger figures are those of the last balance: all accounts, no filter. */
import { OUTCOMES, type Settlement } from '@frame-buffer/protocol';
import type { Counter, Metrics } from '@frame-buffer/telemetry';
import { balance, type Snapshot } from './ledger/balance.ts';
import type { StreamStates } from './streams/stream-states.ts';
import { within } from './within.ts';

export interface MetricSources {
  readonly snapshot: () => Snapshot | undefined;
  /** Undefined until connected. */
  readonly states: () => StreamStates | undefined;
}

const SCRAPE_BOUND_MS = 1_000;

export class MonitorMetrics {
  readonly #settlements: Counter<'kind'>;
  readonly #unreadable: Counter<never>;

  constructor(metrics: Metrics, sources: MetricSources) {
    this.#settlements = metrics.counter({
      name: 'frame_buffer_settlements_total',
      help: 'Tasks in the settlements read, by kind of entry; a task that is settled twice counts twice.',
      labels: ['kind'],
    });
    this.#unreadable = metrics.counter({
      name: 'frame_buffer_settlements_unreadable_total',
      help: 'Settlements that could not be decoded: the books lack them.',
    });
    defineLedger(metrics, sources);
    defineStreams(metrics, sources);
  }

  count({ entries }: Settlement): void {
    for (const { kind, sequences } of entries) this.#settlements.inc({ kind }, sequences.size);
  }

  countUnreadable(): void {
    this.#unreadable.inc();
  }
}

function defineLedger(metrics: Metrics, { snapshot }: MetricSources): void {
  metrics.gauge({
    name: 'frame_buffer_ledger_tasks',
    help: 'Tasks in the books: captured, by outcome, and in flight.',
    labels: ['outcome'],
    collect: (gauge) => {
      const now = snapshot();
      if (now === undefined) return;
      const { ledger } = balance(now);
      for (const outcome of ['captured', ...OUTCOMES, 'in_flight'] as const) gauge.set({ outcome }, ledger[outcome]);
    },
  });
  const figures: readonly [name: string, help: string, read: (of: Snapshot) => number][] = [
    ['unaccounted', 'Tasks without outcome that no stream holds: above 0 something was lost.', unaccountedOf],
    ['conflicts', 'Tasks whose outcome was reported differently by two writers.', (of) => balance(of).conflicts],
    ['redelivered', 'Handler runs that were repeats.', (of) => balance(of).ledger.redelivered],
    ['age_seconds', 'Since the books were last balanced.', (of) => Math.max(0, Date.now() - of.takenAtMs) / 1000],
  ];
  for (const [name, help, read] of figures) {
    metrics.gauge({
      name: `frame_buffer_ledger_${name}`,
      help,
      collect: (gauge) => {
        const now = snapshot();
        if (now !== undefined) gauge.set(read(now));
      },
    });
  }
}

export function unaccountedOf({ rows }: Snapshot): number {
  return rows.reduce((sum, { unaccounted }) => sum + unaccounted, 0);
}

/** Two gauges of one answer: the broker is asked once per scrape. While it is away the last figures stay. */
function defineStreams(metrics: Metrics, { states }: MetricSources): void {
  for (const [figure, help] of [
    ['messages', 'Messages in the stream.'],
    ['bytes', 'Bytes in the stream.'],
  ] as const) {
    metrics.gauge({
      name: `frame_buffer_stream_${figure}`,
      help,
      labels: ['stream'],
      collect: async (gauge) => {
        const all = await within(SCRAPE_BOUND_MS, states()?.all() ?? Promise.resolve(undefined)).catch(() => undefined);
        for (const [stream, state] of all ?? []) if (state !== undefined) gauge.set({ stream }, state[figure]);
      },
    });
  }
}
