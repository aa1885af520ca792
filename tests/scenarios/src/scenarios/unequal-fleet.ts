/**
 * Three processors of speed 1 : 3 : 9 are offered 90 % of what they can do together. Does all of it get through, and does a
 * frame wait at the slow one longer than at the fast one? The same with round-robin, beside it.
 */
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { makeTestFolder, Site, until } from '@frame-buffer/testkit';
import { percentile, readHandled, rounded } from '../handled-log.ts';
import { atLeast, atMost, exactly, type Scenario } from '../scenario.ts';

/** Milliseconds of one frame; concurrency 1. */
const FLEET = { slow: 90, middle: 30, fast: 10 } as const;
const SHARE = 0.9;
const CAMERAS = 4;
const WARM_UP_MS = 5_000;
const MEASURE_MS = 20_000;

const CAPACITY = Object.values(FLEET).reduce((sum, ms) => sum + 1000 / ms, 0);

interface Run {
  readonly offered_per_s: number;
  readonly processed_per_s: number;
  readonly throughput: number;
  readonly p95_wait_ms: Record<string, number>;
  readonly wait_ratio: number;
  readonly unaccounted: number;
}

export const unequalFleet: Scenario = {
  name: 'unequal-fleet',
  summary: 'three processors of speed 1 : 3 : 9 at 90 % of their capacity, least-loaded beside round-robin',
  async run({ progress }) {
    const leastLoaded = await measure('least-loaded', progress);
    const roundRobin = await measure('round-robin', progress);
    return {
      capacity_per_s: rounded(CAPACITY),
      least_loaded: leastLoaded,
      round_robin: roundRobin,
      goals: [
        atLeast('throughput of what was offered', leastLoaded.throughput, 0.97),
        atMost('p95 wait of the slowest over that of the fastest', leastLoaded.wait_ratio, 2),
        exactly('unaccounted', leastLoaded.unaccounted, 0),
      ],
    };
  },
};

async function measure(strategy: string, progress: (text: string) => void): Promise<Run> {
  await using folder = await makeTestFolder('unequal');
  await using site = await Site.start(['registry', 'health-monitor', 'orchestrator', 'capture-gateway']);
  const logs = new Map<string, string>();
  for (const [name, ms] of Object.entries(FLEET)) {
    const log = join(folder.path, `${name}.log`);
    logs.set(name, log);
    await site.spawnEntry(name, join(import.meta.dirname, '../scripted-processor.ts'), {
      SCRIPT_NAME: name,
      SCRIPT_MS: String(ms),
      SCRIPT_LOG: log,
    });
  }
  await setStrategy(site, strategy);
  // A sleeping handler takes a little longer than it sleeps: what the fleet can really do is measured, not assumed.
  const fps = (CAPACITY * SHARE) / CAMERAS;
  for (let i = 1; i <= CAMERAS; i++) {
    await site.addCamera(`cam-${i}`, {
      url: `test-pattern:?width=64&height=64&fps=${fps.toFixed(3)}`,
      capabilities: ['work'],
    });
  }
  await until(() => readHandled(logs.get('fast') ?? '').length, {
    what: 'the first frames',
    is: (count) => count > 0,
    timeoutMs: 20_000,
  });
  progress(`${strategy}: warming up`);
  await wait(WARM_UP_MS);
  const from = Date.now();
  progress(`${strategy}: measuring ${MEASURE_MS / 1000} s at ${(CAPACITY * SHARE).toFixed(1)} frames/s`);
  await wait(MEASURE_MS);
  const to = Date.now();
  await site.process('capture-gateway').stop();
  const { ledger } = await site.settled();

  const waits: Record<string, number> = {};
  let processed = 0;
  for (const [name, log] of logs) {
    const inWindow = readHandled(log).filter(({ atMs }) => atMs >= from && atMs < to);
    processed += inWindow.length;
    waits[name] = rounded(
      percentile(
        inWindow.map(({ queuedMs }) => queuedMs),
        0.95,
      ),
    );
  }
  const offered = CAPACITY * SHARE;
  const perSecond = (processed * 1000) / (to - from);
  return {
    offered_per_s: rounded(offered),
    processed_per_s: rounded(perSecond),
    throughput: rounded(perSecond / offered),
    p95_wait_ms: waits,
    wait_ratio: rounded((waits['slow'] ?? 0) / (waits['fast'] || 1)),
    unaccounted: ledger.unaccounted,
  };
}

async function setStrategy(site: Site, strategy: string): Promise<void> {
  const answer = await fetch(site.url('registry', '/api/v1/capabilities/work'), {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ strategy }),
  });
  if (!answer.ok) throw new Error(`strategy ${strategy}: ${answer.status} ${await answer.text()}`);
}
