/**
 * Errors as clients see them: problem details (RFC 9457), the same over HTTP and NATS micro.
 *
 *   P1  Every answer that is no success has `type`, `title`, `status`, `detail`, `code`; `code` is stable.
 *   P2  Only errors meant for the client are told: `ProblemError`, errors whose code has a status, and retryable ones (503).
 *       Of any other error the client learns that it happened and the request's id; the cause is in the log.
 *   P3  A validation problem lists every fault with its place.
 */
import { STATUS_CODES } from 'node:http';
import { FrameBufferError } from '@frame-buffer/protocol';
import { redactUrls } from '@frame-buffer/telemetry';
import type { z } from 'zod';

/** One fault of an input. */
export interface InputFault {
  /** Where: `body.width`, `query.limit`, `params.camera`; `body` for the whole. */
  readonly path: string;
  readonly message: string;
}

/** The body of an `application/problem+json` answer. */
export interface Problem {
  /** `urn:frame-buffer:problem:<code>`: an identifier, not an address. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly requestId?: string;
  readonly errors?: readonly InputFault[];
  readonly [extension: string]: unknown;
}

/** An error that is told to the client as it is. `status` 400 to 599; `code` snake_case; `extensions` go into the answer. */
export class ProblemError extends FrameBufferError {
  readonly status: number;
  readonly errors: readonly InputFault[] | undefined;
  readonly extensions: Readonly<Record<string, unknown>>;

  constructor(
    status: number,
    code: string,
    detail: string,
    options: { errors?: readonly InputFault[]; extensions?: Readonly<Record<string, unknown>>; cause?: unknown } = {},
  ) {
    super(code, detail, { retryable: isRetryable(status), cause: options.cause });
    this.status = status;
    this.errors = options.errors;
    this.extensions = options.extensions ?? {};
  }
}

/** The HTTP status of an error code, or undefined when the error is not the client's business. */
export type StatusOf = (code: string) => number | undefined;

/** The conventions of our codes: `invalid_…` 400, `…_not_found` 404, `…_conflict` and `…_exists` 409, `…_too_large` 413, `…_unavailable` 503. */
export const statusByConvention: StatusOf = (code) => {
  if (code.startsWith('invalid_')) return 400;
  if (code.endsWith('not_found')) return 404;
  if (code.endsWith('_conflict') || code.endsWith('_exists')) return 409;
  if (code.endsWith('_too_large')) return 413;
  if (code.endsWith('_unavailable')) return 503;
  return undefined;
};

/** 400 `invalid_input` with every fault that zod found in `part`. */
export function validationProblem(part: 'params' | 'query' | 'body' | 'request', error: z.ZodError): ProblemError {
  return invalidInput(inputFaults(part, error));
}

export function invalidInput(errors: readonly InputFault[]): ProblemError {
  const count = errors.length === 1 ? 'One fault' : `${errors.length} faults`;
  const detail = `${count} in the request: ${errors.map(({ path, message }) => `${path}: ${message}`).join('; ')}`;
  return new ProblemError(400, 'invalid_input', detail.length > 500 ? `${detail.slice(0, 500)}…` : detail, { errors });
}

export function inputFaults(part: string, error: z.ZodError): InputFault[] {
  return error.issues.slice(0, 100).map((issue) => ({
    path: issue.path.reduce<string>(
      (path, key) => (typeof key === 'number' ? `${path}[${key}]` : `${path}.${String(key).slice(0, 100)}`),
      part,
    ),
    message: redactUrls(issue.message),
  }));
}

/** What the client is told of `error`. */
export function problemOf(error: unknown, statusOf: StatusOf = statusByConvention): Problem {
  if (error instanceof ProblemError) {
    const { status, code, message, errors, extensions } = error;
    return { ...extensions, ...problem(status, code, message), ...(errors === undefined ? {} : { errors }) };
  }
  if (error instanceof FrameBufferError) {
    const status = statusOf(error.code) ?? (error.retryable ? 503 : undefined);
    if (status !== undefined) return problem(status, error.code, error.message);
  }
  return problem(
    500,
    'internal',
    'The request failed for a reason that is not yours; it is in the log of the service.',
  );
}

function problem(status: number, code: string, detail: string): Problem {
  return {
    type: `urn:frame-buffer:problem:${code}`,
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail: redactUrls(detail),
    code,
  };
}

function isRetryable(status: number): boolean {
  return status === 429 || status === 503;
}
