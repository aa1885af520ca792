/**
 * Liveness and readiness.
 *
 *   H1  `/health` answers 200 as long as the event loop turns; it looks at nothing else, so a lost broker restarts nobody.
 *   H2  `/ready` is 200 only when every check passes, else 503 with the failing checks by name.
 *   H3  A check that throws or does not answer in time fails; it never delays the answer beyond its bound.
 */
import type { FastifyInstance } from 'fastify';
import { ProblemError } from './problem.ts';

/** `true` passes; a text is the reason why it does not. */
export type CheckOutcome = boolean | string;

/** A condition of readiness. The reason is a few words, for an operator. */
export interface ReadinessCheck {
  readonly name: string;
  readonly check: () => CheckOutcome | Promise<CheckOutcome>;
}

export interface FailingCheck {
  readonly name: string;
  readonly reason: string;
}

export interface Identity {
  readonly service: string;
  readonly instance: string;
  readonly version: string;
  readonly startedAt: Date;
}

const checkBoundMs = 1_000;

export function healthRoutes(app: FastifyInstance, identity: Identity, checks: readonly ReadinessCheck[]): void {
  const { service, instance, version, startedAt } = identity;
  app.get('/health', { config: { summary: 'Is the process alive?' } }, () => ({
    status: 'ok',
    service,
    instance,
    version,
    startedAt: startedAt.toISOString(),
    uptimeSeconds: Math.round((Date.now() - startedAt.getTime()) / 1000),
  }));
  app.get('/ready', { config: { summary: 'Can it do its work now?' } }, async () => {
    const failing = await failingChecks(checks);
    if (failing.length === 0) return { status: 'ready', checks: checks.map(({ name }) => name) };
    const detail = `Not ready: ${failing.map(({ name, reason }) => `${name} (${reason})`).join(', ')}`;
    throw new ProblemError(503, 'not_ready', detail, { extensions: { failing } });
  });
}

/** The checks that do not pass now, in their order. */
export async function failingChecks(
  checks: readonly ReadinessCheck[],
  boundMs = checkBoundMs,
): Promise<FailingCheck[]> {
  const outcomes = await Promise.all(
    checks.map(async ({ name, check }) => ({ name, outcome: await run(check, boundMs) })),
  );
  return outcomes.flatMap(({ name, outcome }) =>
    outcome === true ? [] : [{ name, reason: outcome || 'not fulfilled' }],
  );
}

async function run(check: ReadinessCheck['check'], boundMs: number): Promise<CheckOutcome> {
  const late = Promise.withResolvers<string>();
  const timer = setTimeout(() => late.resolve(`no answer within ${boundMs} ms`), boundMs);
  try {
    return await Promise.race([check(), late.promise]);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    clearTimeout(timer);
  }
}
