/**
 * Looks at the running system once a second, through the same interfaces that anybody may use.
 *
 *   O1  A service that does not answer leaves its part of the picture as it was last seen, or unknown; looking never fails.
 */
import { type CameraState, readCameras } from './cameras.ts';
import { call } from './http.ts';
import { at, entriesAt, listAt, numberAt, textAt } from './reading.ts';
import type { Results } from './results.ts';
import type { System } from './system.ts';
import type { CapabilityRow, LedgerRow, ProcessorRow, Snapshot } from './view/snapshot.ts';

const TIMEOUT_MS = 1_500;
const THROUGHPUT_KEPT = 120;

export class Observer {
  readonly #system: System;
  readonly #results: Results;
  readonly #throughput: number[] = [];
  #overview: unknown;
  #routes: unknown;
  #cameras: readonly CameraState[] = [];
  #hasEnded = false;

  constructor(system: System, results: Results) {
    this.#system = system;
    this.#results = results;
  }

  get cameras(): readonly CameraState[] {
    return this.#cameras;
  }

  /** The gateway has been stopped: what it last said of its cameras is over. */
  captureEnded(): void {
    this.#hasEnded = true;
    this.#cameras = this.#cameras.map((camera) => ({ ...camera, state: 'stopped', cause: undefined, fps: 0 }));
  }

  /** Asks everybody once. Never rejects. */
  async look(): Promise<void> {
    const system = this.#system;
    const ask = async (url: string) => call(url, { timeoutMs: TIMEOUT_MS });
    const [overview, routes, cameras] = await Promise.allSettled([
      ask(`${system.urlOf('health-monitor')}/api/v1/overview?since=${system.runStartMs}`),
      ask(`${system.urlOf('orchestrator')}/api/v1/routes`),
      readCameras(system.urlOf('capture-gateway'), TIMEOUT_MS),
    ]);
    if (overview.status === 'fulfilled') {
      this.#overview = overview.value;
      this.#throughput.push(this.#processedPerSecond());
      if (this.#throughput.length > THROUGHPUT_KEPT) this.#throughput.shift();
    }
    if (routes.status === 'fulfilled') this.#routes = routes.value;
    if (cameras.status === 'fulfilled' && !this.#hasEnded) this.#cameras = cameras.value;
  }

  snapshot(timing: Pick<Snapshot, 'phase' | 'elapsedMs' | 'remainingMs'>): Snapshot {
    return {
      ...timing,
      parts: this.#system.status,
      cameras: this.#cameras,
      capabilities: this.#capabilities(),
      processors: this.#processors(),
      ledger: ledgerOf(at(this.#overview, 'ledger')),
      results: this.#results.last,
      throughput: this.#throughput,
      faults: listAt(this.#overview, 'faults').filter((fault) => typeof fault === 'string'),
    };
  }

  #processedPerSecond(): number {
    const rates = entriesAt(this.#overview, 'capabilities').map(([, row]) => numberAt(row, 'processedPerSecond') ?? 0);
    return rates.reduce((sum, rate) => sum + rate, 0);
  }

  #capabilities(): readonly CapabilityRow[] {
    return entriesAt(this.#overview, 'capabilities').map(([name, row]) => ({
      name,
      waiting: numberAt(row, 'queued'),
      processedPerSecond: numberAt(row, 'processedPerSecond'),
      ageMs: this.#results.ageMs(name),
    }));
  }

  #processors(): readonly ProcessorRow[] {
    const routes = new Map(listAt(this.#routes, 'processors').map((route) => [textAt(route, 'name'), route]));
    return entriesAt(this.#overview, 'processors').map(([name, row]) => {
      const route = routes.get(name);
      return {
        name,
        instances: numberAt(row, 'instances'),
        outstanding: numberAt(route, 'outstanding_tasks'),
        window: numberAt(route, 'window_tasks'),
        inFlight: numberAt(row, 'inFlight'),
        processedPerSecond: numberAt(row, 'processedPerSecond'),
        serviceMs: numberAt(route, 'service_ms'),
      };
    });
  }
}

function ledgerOf(ledger: unknown): LedgerRow | undefined {
  if (typeof ledger !== 'object' || ledger === null) return undefined;
  const tasks = (key: string) => numberAt(ledger, key) ?? 0;
  return {
    captured: tasks('captured'),
    processed: tasks('processed'),
    superseded: tasks('superseded'),
    expired: tasks('expired'),
    shed: tasks('shed'),
    dead_lettered: tasks('dead_lettered'),
    in_flight: tasks('in_flight'),
    unaccounted: tasks('unaccounted'),
    redelivered: tasks('redelivered'),
    exact: at(ledger, 'exact') === true,
    stale: at(ledger, 'stale') === true,
  };
}
