import { expect, it } from 'vitest';
import { type Figures, type Impairment, impairmentsOf } from './figures.ts';
import { processorSettings } from './settings.ts';

const settings = processorSettings({ maxFailureShare: 0.5, maxLatencyMs: 1_000, maxBlockedMs: 100, maxStuckMs: 5_000 });

it.each<[Figures, readonly Impairment[]]>([
  [{}, []],
  [{ failureShare: 0.5, latencyMs: 1_000, blockedMs: 100, stuckMs: 5_000 }, []],
  [{ failureShare: 0.51 }, ['failing']],
  [{ latencyMs: 1_001 }, ['slow']],
  [{ blockedMs: 101 }, ['blocking']],
  [{ stuckMs: 5_001 }, ['hung']],
  [{ failureShare: 1, latencyMs: 9_999, blockedMs: 9_999, stuckMs: 9_999 }, ['failing', 'slow', 'blocking', 'hung']],
])('%o: %o', (figures, impairments) => {
  expect(impairmentsOf(figures, settings)).toEqual(impairments);
});

it('a share makes the bounds stricter', () => {
  expect(impairmentsOf({ failureShare: 0.4, latencyMs: 801 }, settings, 0.8)).toEqual(['slow']);
});
