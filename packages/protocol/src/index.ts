export * from './batch/encode.ts';
export {
  HEADER_BYTES,
  INDEX_ENTRY_BYTES,
  MAX_BATCH_BYTES,
  MAX_FRAMES_PER_BATCH,
  READS_UP_TO,
  VERSION,
} from './batch/layout.ts';
export { decodeRecord, encodeRecord } from './batch/record.ts';
export * from './batch/slice.ts';
export * from './batch/view.ts';
export * from './buckets.ts';
export * from './errors.ts';
export * from './frame.ts';
export * from './headers.ts';
export * from './labels/expression.ts';
export * from './labels/parse.ts';
export * from './labels/predicate.ts';
export * from './labels/schema.ts';
export * from './messagepack.ts';
export * from './names.ts';
export * from './outcome.ts';
export * from './partitions.ts';
export * from './pixels.ts';
export * from './records/actor.ts';
export * from './records/breaker-reset.ts';
export * from './records/camera.ts';
export * from './records/dead-letter.ts';
export * from './records/event.ts';
export * from './records/ledger.ts';
export * from './records/policy.ts';
export { type PolicyStep, policySteps } from './records/policy-steps.ts';
export * from './records/processor.ts';
export * from './records/result.ts';
export * from './sequence-set.ts';
export * from './settlement.ts';
export * from './streams.ts';
export * from './subjects.ts';
