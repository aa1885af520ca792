/** Candidates for tests: processors by name, on one clock that the test turns. */
import { type ProcessorInput, processorSchema } from '@frame-buffer/protocol';
import { ProcessorCredit } from '../credit/credit.ts';
import { type Candidate, candidateOf, NONE, type Strategy } from './strategy.ts';

export function candidate(name: string, input: Partial<ProcessorInput> = {}): Candidate {
  const processor = processorSchema.parse({ capabilities: ['look'], maxBatch: 64, ...input, name });
  const route = { processor, instances: 1, concurrency: processor.concurrency, isOnTrial: false };
  return candidateOf(route, new ProcessorCredit(0), 1);
}

export function candidates(count: number, input: Partial<ProcessorInput> = {}): Candidate[] {
  return Array.from({ length: count }, (_, i) => candidate(`p${i}`, input));
}

export const nameOf = (strategy: Strategy, slot: number): string | undefined =>
  strategy.candidates[slot]?.route.processor.name;

/** One decision, carried out: the task is outstanding afterwards. Returns the processor's name, or undefined for nobody. */
export function place(strategy: Strategy, options: { camera?: string; nowMs?: number; tasks?: number } = {}) {
  const { camera = 'door', nowMs = 0, tasks = 1 } = options;
  const slot = strategy.pick(camera, nowMs);
  if (slot === NONE) return undefined;
  strategy.placed(slot, tasks);
  strategy.candidates[slot]?.credit.dispatched(tasks);
  return nameOf(strategy, slot);
}

/** Many decisions, each task settled before the next: everybody is idle all the time. Returns tasks by processor. */
export function placeIdle(strategy: Strategy, times: number, cameraOf: (i: number) => string = () => 'door') {
  const counts = new Map(strategy.candidates.map(({ route }) => [route.processor.name, 0]));
  for (let i = 0; i < times; i++) {
    const name = place(strategy, { camera: cameraOf(i) });
    if (name === undefined) throw new Error('nobody had room');
    counts.set(name, (counts.get(name) ?? 0) + 1);
    strategy.candidates.find(({ route }) => route.processor.name === name)?.credit.returned(1);
  }
  return counts;
}

export const spread = (counts: ReadonlyMap<string, number>): number =>
  Math.max(...counts.values()) - Math.min(...counts.values());
