/** What a settlement says of one task besides its sequence: who it is, what became of it, and whose credit that frees. */
import type { SettlementKey } from '@frame-buffer/jetstream';
import type { Task } from '../intake/task.ts';

export interface Settler {
  /** Of the processor. */
  readonly name: string;
  readonly instance: string;
}

export function taskKey(
  { batch, index }: Pick<Task, 'batch' | 'index'>,
  { name, instance }: Settler,
  kind: SettlementKey['kind'],
  reason: string,
): SettlementKey {
  const { camera, epoch } = batch.cameraOf(index);
  const { capability, dispatcher, generation } = batch;
  return { camera, epoch, capability, kind, reason, processor: name, instance, dispatcher, generation };
}
