/**
 * What our hop adds: capture → handler through the whole system, beside a direct JetStream publish → consume of the same bytes,
 * at the same rates, interleaved in one run. Three cameras; pictures of about a kilobyte; nothing else is done with them.
 */
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { makeTestFolder, Site, until } from '@frame-buffer/testkit';
import { atMost, type Bench, type Goal } from '../bench.ts';
import { rounded } from '../measure.ts';
import { readAges } from './ages.ts';
import { directLatencies } from './direct.ts';

const CAMERAS = 3;
const RATES = [100, 1000] as const;
const PICTURE = { width: 64, height: 64 };
/** Ours may take so much longer than the direct way. */
const MAX_RATIO = 2;

interface Percentiles extends Record<string, number> {
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly samples: number;
}

export const latencyBench: Bench = {
  name: 'latency',
  startsProcesses: true,
  summary: 'capture to handler at 100 and 1,000 frames/s, beside a direct publish and consume of the same bytes',
  async run({ progress, quick }) {
    const rounds = quick ? 1 : 3;
    const seconds = quick ? 1 : 6;
    const ours = new Map<number, number[]>(RATES.map((rate) => [rate, []]));
    const direct = new Map<number, number[]>(RATES.map((rate) => [rate, []]));
    for (let round = 1; round <= rounds; round++) {
      for (const rate of RATES) {
        progress(`round ${round} of ${rounds}: ${rate} frames/s`);
        ours.get(rate)?.push(...(await oursAt(rate, seconds)));
        direct.get(rate)?.push(...(await directLatencies({ rate, seconds, cameras: CAMERAS, ...PICTURE })));
      }
    }
    const results: Record<string, Record<string, Percentiles | number>> = {};
    const goals: Goal[] = [];
    for (const rate of RATES) {
      const [a, b] = [percentiles(ours.get(rate) ?? []), percentiles(direct.get(rate) ?? [])];
      const ratios = { ratio_p50: rounded(a.p50_ms / b.p50_ms), ratio_p99: rounded(a.p99_ms / b.p99_ms) };
      results[`at_${rate}_per_s`] = { ours: a, direct: b, ...ratios };
      progress(`${rate}/s: ours p50 ${a.p50_ms} ms p99 ${a.p99_ms} ms, direct p50 ${b.p50_ms} ms p99 ${b.p99_ms} ms`);
      if (quick) continue;
      goals.push(atMost(`p50 over direct at ${rate}/s`, ratios.ratio_p50, MAX_RATIO));
      goals.push(atMost(`p99 over direct at ${rate}/s`, ratios.ratio_p99, MAX_RATIO));
    }
    return { results, goals };
  },
};

/** Ages at the handler's start, milliseconds; the first second is warm-up. */
async function oursAt(rate: number, seconds: number): Promise<number[]> {
  await using folder = await makeTestFolder('latency');
  const log = join(folder.path, 'ages.log');
  await using site = await Site.start(['registry', 'health-monitor', 'orchestrator', 'capture-gateway']);
  await site.spawnEntry('aged', join(import.meta.dirname, 'age-processor.ts'), { AGE_LOG: log });
  for (let i = 1; i <= CAMERAS; i++) {
    const url = `test-pattern:?width=${PICTURE.width}&height=${PICTURE.height}&fps=${(rate / CAMERAS).toFixed(3)}`;
    await site.addCamera(`cam-${i}`, { url, capabilities: ['age'] });
  }
  await until(async () => (await site.ledger()).ledger.processed, {
    what: 'the first frames',
    is: (count) => count > 0,
    timeoutMs: 20_000,
  });
  await wait((seconds + 1) * 1000);
  await site.process('capture-gateway').stop();
  const { ledger } = await site.settled();
  // Before any figure: every frame was handled exactly once.
  const ages = await until(() => readAges(log), {
    what: 'one age per frame',
    is: (all) => all.length >= ledger.captured,
  });
  if (ledger.unaccounted > 0 || ages.length !== ledger.captured) {
    throw new Error(
      `${ledger.captured} frames captured, ${ages.length} handled, ${ledger.unaccounted} unaccounted: no figures`,
    );
  }
  return ages.slice(Math.min(rate, ages.length - 1));
}

function percentiles(values: number[]): Percentiles {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => rounded(sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN);
  return { p50_ms: at(0.5), p99_ms: at(0.99), samples: sorted.length };
}
