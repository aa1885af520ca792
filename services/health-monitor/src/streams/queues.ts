/** The queues of the system, from the broker's own counts per subject: cheap, and exact in messages. */
import { LANES, laneOfSubject, processorOfWorkSubject, STREAM } from '@frame-buffer/protocol';
import { z } from 'zod';
import type { StreamStates, SubjectCounts } from './stream-states.ts';

const messages = z.int().min(0);

export const queuesSchema = z.object({
  /** The backlog: bands, the retry lane, and the partitions `p0`… of ordered capabilities. A message is a batch of tasks. */
  lanes: z.array(z.object({ capability: z.string(), lane: z.string(), messages })),
  /** What processors have been given and have not acknowledged. */
  processors: z.array(z.object({ processor: z.string(), messages })),
});

export type Queues = z.infer<typeof queuesSchema>;

/** Sorted by name; empty lanes are left out. Throws `broker_unavailable`. */
export async function readQueues(states: StreamStates): Promise<Queues> {
  const [frames, work] = await Promise.all([states.subjects(STREAM.frames), states.subjects(STREAM.work)]);
  return toQueues(frames, work);
}

export function toQueues(frames: SubjectCounts, work: SubjectCounts): Queues {
  const lanes = [...frames].map(([subject, count]) => {
    const [, capability = ''] = subject.split('.');
    return { capability, lane: laneOfSubject(subject), messages: count };
  });
  lanes.sort((a, b) => compare(a.capability, b.capability) || rankOf(a.lane) - rankOf(b.lane));
  const byProcessor = new Map<string, number>();
  for (const [subject, count] of work) {
    const processor = processorOfWorkSubject(subject);
    byProcessor.set(processor, (byProcessor.get(processor) ?? 0) + count);
  }
  const processors = [...byProcessor].map(([processor, count]) => ({ processor, messages: count }));
  processors.sort((a, b) => compare(a.processor, b.processor));
  return { lanes, processors };
}

/** Bands in the order of their urgency, then partitions by number. */
function rankOf(lane: string): number {
  const band = LANES.findIndex((known) => known === lane);
  return band >= 0 ? band : LANES.length + Number(lane.slice(1));
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
