import type { AuditEvent } from '@frame-buffer/protocol';
import { expect, test } from 'vitest';
import { StepAudit } from './step-audit.ts';

test('a change of the step is told once, at most once a second and capability', () => {
  const told: Omit<AuditEvent, 'at' | 'by'>[] = [];
  const audit = new StepAudit({ record: (event) => told.push(event) });
  audit.decided('look', 'gpu', 0);
  audit.decided('hear', 'cpu', 0);
  audit.decided('look', 'gpu', 5);
  expect(told).toEqual([]);
  audit.decided('look', 'cpu', 10);
  for (let now = 11; now < 1000; now += 10) audit.decided('look', now % 20 === 1 ? 'gpu' : 'cpu', now);
  expect(told).toEqual([{ kind: 'capability', id: 'look', event: 'route.step-changed', from: 'gpu', to: 'cpu' }]);
  audit.decided('look', 'gpu', 1010);
  expect(told.at(-1)).toMatchObject({ from: 'cpu', to: 'gpu' });
});
