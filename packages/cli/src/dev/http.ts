/** Requests to the services of this run: JSON in and out, bounded in time, with the service's own words in the error. */
import { DevError } from './errors.ts';

export interface CallOptions {
  readonly method?: 'GET' | 'PUT' | 'DELETE';
  readonly body?: unknown;
  /** Default 5 000. */
  readonly timeoutMs?: number;
}

/** A service did not answer, or refused. */
export class CallError extends DevError {
  /** Undefined when there was no answer. */
  readonly status: number | undefined;

  constructor(message: string, status: number | undefined, cause?: unknown) {
    super(message, { cause });
    this.name = 'CallError';
    this.status = status;
  }
}

/** The body of the answer; undefined when it has none. @throws CallError */
export async function call(
  url: string,
  { method = 'GET', body, timeoutMs = 5_000 }: CallOptions = {},
): Promise<unknown> {
  const what = `${method} ${url}`;
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, {
      method,
      signal: AbortSignal.timeout(timeoutMs),
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    text = await response.text();
  } catch (cause) {
    throw new CallError(`${what} got no answer: ${reasonOf(cause)}`, undefined, cause);
  }
  const answer = parse(text);
  if (response.ok) return answer;
  throw new CallError(
    `${what} was refused (${response.status}): ${detailOf(answer) ?? text.slice(0, 200)}`,
    response.status,
  );
}

function parse(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

function detailOf(answer: unknown): string | undefined {
  if (typeof answer !== 'object' || answer === null || !('detail' in answer)) return undefined;
  return typeof answer.detail === 'string' ? answer.detail : undefined;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // `fetch failed` says nothing; its cause does.
  return error.cause instanceof Error ? error.cause.message : error.message;
}
