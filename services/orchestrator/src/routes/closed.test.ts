import { expect, test } from 'vitest';
import { closedProcessors } from './closed.ts';

test('closed are the processors, and only they, whose life has no room for work', () => {
  const states = ['registered', 'ready', 'degraded', 'suspect', 'draining', 'lost', 'removed', 'of-a-later-version'];
  const entries: [string, { state: string }][] = states.map((state) => [`processor.p-${state}`, { state }]);
  entries.push(['camera.c', { state: 'lost' }], ['aside.processor.old', { state: 'lost' }]);
  const closed = closedProcessors({
    entries: () => entries[Symbol.iterator]() as Generator<[string, { state: string }]>,
  });
  expect([...closed].sort()).toEqual(['p-draining', 'p-lost', 'p-removed', 'p-suspect']);
});
