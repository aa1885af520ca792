/** The view for what is no terminal: one line, readable in a log. */
import { formatDuration } from '../duration.ts';
import { ledgerSentence } from './ledger-view.ts';
import { rate } from './paint.ts';
import type { Snapshot } from './snapshot.ts';

export function statusLine({ elapsedMs, phase, cameras, ledger, throughput, parts }: Snapshot): string {
  const streaming = cameras.filter(({ state }) => state === 'streaming');
  const fps = streaming.reduce((sum, camera) => sum + (camera.fps ?? 0), 0);
  const away = parts.filter(({ state }) => state === 'waiting' || state === 'starting').map(({ name }) => name);
  return [
    formatDuration(elapsedMs),
    ...(phase === 'draining' ? ['draining'] : []),
    `${streaming.length} of ${cameras.length} cameras at ${rate(fps)} fps`,
    `${rate(throughput.at(-1))} results/s`,
    ...(ledger === undefined ? [] : [`${ledgerSentence(ledger)}${ledger.stale ? ' (not the latest)' : ''}`]),
    ...(away.length === 0 ? [] : [`coming back: ${away.join(', ')}`]),
  ].join('; ');
}
