/** What a processor found in one frame: RESULTS, JSON, so that `nats sub 'results.>'` reads as it is. */
import { z } from 'zod';
import { tokenSchema } from '../names.ts';

export const resultSchema = z.object({
  /** `<camera>.<epoch>.<sequence>` */
  frame: z.string(),
  camera: tokenSchema('camera'),
  capability: tokenSchema('capability'),
  processor: tokenSchema('processor'),
  instance: tokenSchema('instance'),
  /** ISO 8601, arrival of the picture at the gateway. */
  capturedAt: z.iso.datetime(),
  /** Milliseconds from capture to the end of the handler, counted without comparing clocks. */
  ageMs: z.number().min(0),
  handledMs: z.number().min(0),
  attempt: z.int().min(0),
  result: z.json(),
});

export type Result = z.infer<typeof resultSchema>;
/** What a handler may return. */
export type ResultValue = Result['result'];
