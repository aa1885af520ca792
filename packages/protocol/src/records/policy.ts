/**
 * The policy of a capability: KV `capabilities`. A capability without a record has the defaults, and what a record leaves out
 * has its default too: any processor, the least loaded, no fallback.
 *
 *   { "require": "gpu & (zone=a | zone=b)", "strategy": "sticky",
 *     "fallback": ["cpu", { "require": "*", "strategy": "round-robin", "when": "full" }, "skip"] }
 */
import { z } from 'zod';
import { ENCODINGS, SIZE_CLASSES } from '../frame.ts';
import { labelExpressionSchema } from '../labels/schema.ts';
import { isToken, TOKEN_RULE } from '../names.ts';
import { MAX_PARTITIONS } from '../partitions.ts';
import { chainFault } from './policy-steps.ts';

/** How a step of the chain picks one of its ready processors. None of them picks one without room. */
export const STRATEGIES = ['least-loaded', 'round-robin', 'weighted', 'sticky', 'priority'] as const;
export type StrategyName = (typeof STRATEGIES)[number];

/** When a step is entered: nobody ready in any step before it; or nobody with room, ready or not. */
export const STEP_CONDITIONS = ['unready', 'full'] as const;

export const MAX_FALLBACK_STEPS = 8;
const MAX_NAMED_PROCESSORS = 1000;
const MAX_WEIGHT = 1_000_000;

const strategySchema = z.enum(STRATEGIES, {
  error: ({ input }) =>
    input === 'broadcast'
      ? 'the strategy broadcast cannot be used: the books know one task per frame and capability, not one per processor'
      : `unknown strategy ${shown(input)}: use ${STRATEGIES.join(', ')}`,
});

/** Which frames a step takes; the others go to the next step, or wait. */
const constraintsSchema = z
  .strictObject({
    /** Size classes by pixel count: sd up to 768×576, hd up to 1280×720, full-hd up to 1920×1088, uhd up to 3840×2160. */
    minSize: z.enum(SIZE_CLASSES).optional(),
    maxSize: z.enum(SIZE_CLASSES).optional(),
    encodings: z.array(z.enum(ENCODINGS)).min(1).optional(),
  })
  .check(({ value, issues }) => {
    const { minSize, maxSize } = value;
    if (minSize === undefined || maxSize === undefined) return;
    if (SIZE_CLASSES.indexOf(minSize) <= SIZE_CLASSES.indexOf(maxSize)) return;
    issues.push({ code: 'custom', input: value, message: `no frame is at least ${minSize} and at most ${maxSize}` });
  });

const stepObjectSchema = z
  .strictObject({
    require: labelExpressionSchema.optional(),
    strategy: strategySchema.optional(),
    constraints: constraintsSchema.optional(),
    /** Settles the tasks that get here as `shed/skipped`. Only the last step may. */
    skip: z.literal(true).optional(),
    when: z.enum(STEP_CONDITIONS).optional(),
  })
  .check(({ value, issues }) => {
    if (issues.length > 0) return;
    const { require, skip, strategy, constraints } = value;
    const complain = (message: string) => issues.push({ code: 'custom', input: value, message, continue: true });
    if (require === undefined && skip === undefined)
      complain('a step has "require" (a label expression, "*" for every processor), or "skip": true');
    if (skip && (require ?? strategy ?? constraints) !== undefined)
      complain('a step that skips has nothing beside it but "when"');
  });

/** `"cpu"` is short for `{ "require": "cpu" }`, `"skip"` for `{ "skip": true }`. */
const stepSchema = z.union([labelExpressionSchema, stepObjectSchema], {
  error: ({ input, errors }) => {
    const [fault] = (errors?.[typeof input === 'string' ? 0 : 1] ?? []) as z.core.$ZodIssue[];
    const isStep = typeof input === 'string' || (typeof input === 'object' && input !== null);
    if (fault === undefined || !isStep) return 'a step is a label expression, "skip", or an object with "require"';
    return [fault.path.join('.'), fault.message].filter((text) => text !== '').join(': ');
  },
});

const weightsSchema = byProcessor(
  z
    .number({ error: 'a weight is a number from 0' })
    .min(0, { error: ({ input }) => `a weight is at least 0, not ${input}` })
    .max(MAX_WEIGHT),
).refine((weights) => Object.keys(weights).length === 0 || Object.values(weights).some((weight) => weight > 0), {
  error: 'all weights are 0, so that nobody would get work: give at least one processor a weight above 0',
});

export const policySchema = z
  .strictObject({
    /** Milliseconds from capture after which a task is expired instead of worked. 0 means never. */
    maxAgeMs: z.int().min(0).max(86_400_000).default(60_000),
    /** A label expression over processors: who may do it. Default: everybody. */
    require: labelExpressionSchema.optional(),
    /** Default: least-loaded. */
    strategy: strategySchema.optional(),
    /** For `weighted`: shares of the tasks; 0 for none. Processors that are not named have 1. */
    weights: weightsSchema.optional(),
    /** For `priority`: the highest first; lower ones get what the higher ones have no room for. Not named: 0. */
    priorities: byProcessor(z.int().min(-1000).max(1000)).optional(),
    constraints: constraintsSchema.optional(),
    /** Are the frames of a camera worked in their order, one after the other? Default: no. Then processors are sticky by partition. */
    ordered: z.boolean().optional(),
    /** Of an ordered capability; what is worked at the same time is at most so much. Default 8. */
    partitions: z.int().min(1).max(MAX_PARTITIONS).optional(),
    /** Steps after the first (which is `require`, `strategy` and `constraints` above), in order. */
    fallback: z.array(stepSchema).max(MAX_FALLBACK_STEPS).optional(),
  })
  .check(chainCheck, orderCheck);

/** For reading the bucket: what a later version has added to a record is left alone. */
export const policyRecordSchema = z.object(policySchema.shape).check(chainCheck);

export type Policy = z.infer<typeof policySchema>;
export type PolicyInput = z.input<typeof policySchema>;
export type Constraints = z.infer<typeof constraintsSchema>;
export type FallbackStep = z.infer<typeof stepSchema>;

export const DEFAULT_POLICY: Policy = policySchema.parse({});

function byProcessor<T extends z.ZodType>(value: T) {
  return z.record(z.string(), value).check(({ value: record, issues }) => {
    const names = Object.keys(record);
    const complain = (message: string, path: string[]) =>
      issues.push({ code: 'custom', input: record, message, path, continue: true });
    if (names.length > MAX_NAMED_PROCESSORS) complain(`at most ${MAX_NAMED_PROCESSORS} processors are named`, []);
    const wrong = names.find((name) => !isToken(name));
    if (wrong !== undefined) complain(`${shown(wrong)} cannot be a processor's name: use ${TOKEN_RULE}`, [wrong]);
  });
}

function chainCheck({ value, issues }: z.core.ParsePayload<Parameters<typeof chainFault>[0]>): void {
  // Of a chain with a step that cannot be read, nothing more can be said.
  if (issues.length > 0) return;
  const fault = chainFault(value);
  if (fault === undefined) return;
  issues.push({ code: 'custom', input: value, path: ['fallback', fault.step], message: fault.message });
}

/** Order decides who works a frame: what else would decide it cannot be had as well. */
function orderCheck({ value, issues }: z.core.ParsePayload<OrderedFields>): void {
  if (issues.length > 0) return;
  const complain = (path: string, message: string) =>
    issues.push({ code: 'custom', input: value, path: [path], message, continue: true });
  if (value.ordered !== true) {
    if (value.partitions !== undefined) complain('partitions', 'only an ordered capability has partitions');
    return;
  }
  if (value.strategy !== undefined && value.strategy !== 'sticky')
    complain('strategy', `an ordered capability is sticky by partition: ${value.strategy} would break its order`);
  if (value.fallback?.some((step) => typeof step === 'object' && step.when === 'full'))
    complain(
      'fallback',
      'of an ordered capability no step is entered because another one is full: it would break its order',
    );
}

interface OrderedFields {
  readonly ordered?: boolean | undefined;
  readonly partitions?: number | undefined;
  readonly strategy?: string | undefined;
  readonly fallback?: readonly (string | { readonly when?: string | undefined })[] | undefined;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
