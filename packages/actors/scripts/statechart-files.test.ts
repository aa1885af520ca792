import { existsSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { machines } from '../src/machines.ts';
import { chartOf, mermaidOf } from './chart.ts';
import { replaced, statechartFiles } from './statechart-files.ts';

describe('statecharts', () => {
  it.each(statechartFiles().map(({ path, content }) => ({ file: relative('.', path), path, content })))(
    '$file is up to date (if not: pnpm -C packages/actors run statecharts)',
    ({ path, content }) => {
      expect(existsSync(path) ? readFileSync(path, 'utf8') : 'missing').toBe(content);
    },
  );

  it('say what the machine says', () => {
    const chart = chartOf(machines.breaker);
    expect(chart.initial).toBe('closed');
    expect(chart.everywhere.transitions).toEqual([{ on: 'breaker.reset', target: 'closed' }]);
    expect(chart.states['open']).toEqual({
      entry: ['beginEra'],
      transitions: [
        { on: 'clock.resumed', target: 'open', reenter: true },
        { on: 'after recoveryMs', target: 'halfOpen' },
      ],
    });
    expect(chart.states['halfOpen']?.exit).toEqual(['endWatch']);
    expect(chartOf(machines.health).states['ok']?.transitions[2]).toEqual({
      on: 'always',
      guard: 'isUnknown',
      target: 'unknown',
    });
    expect(chartOf(machines.processor).states['suspect']?.transitions).toContainEqual({
      on: 'heartbeats.missed',
      guard: 'isSilent lostMs',
      target: 'lost',
    });
  });

  it('draw an arrow for each pair of states, with the events of the machine as a whole', () => {
    expect(mermaidOf(chartOf(machines.breaker)).split('\n')).toEqual([
      'stateDiagram-v2',
      '  [*] --> closed',
      '  closed --> open : call.failed [isLastStraw]',
      '  open --> closed : breaker.reset',
      '  open --> halfOpen : after recoveryMs',
      '  halfOpen --> closed : call.succeeded [isProved]<br/>breaker.reset',
      '  halfOpen --> open : call.failed<br/>trials.silenced',
    ]);
  });

  it('a README without a place for a statechart is a fault', () => {
    expect(() => replaced('# x', 'breaker', '')).toThrow('no place for the statechart of breaker');
    expect(() => replaced('<!-- /statechart:a --><!-- statechart:a -->', 'a', '')).toThrow('no place');
    expect(replaced('1<!-- statechart:a -->old<!-- /statechart:a -->2', 'a', 'new')).toBe(
      '1<!-- statechart:a -->\n\nnew\n\n<!-- /statechart:a -->2',
    );
  });
});
