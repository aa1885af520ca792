/** Messages in the queues of WORK by subject, delivered or not, asked of the broker. */
import { STREAM } from '@frame-buffer/protocol';
import type { NatsConnection } from '@nats-io/nats-core';

const REQUEST_MS = 2_000;

/** `filter` is a subject, with wildcards or without. Undefined when the broker cannot say. */
export async function queuedMessages(
  nc: NatsConnection,
  filter: string,
): Promise<ReadonlyMap<string, number> | undefined> {
  try {
    const query = JSON.stringify({ subjects_filter: filter });
    const answer = await nc.request(`$JS.API.STREAM.INFO.${STREAM.work}`, query, { timeout: REQUEST_MS });
    const { state } = answer.json<{ state?: { subjects?: Readonly<Record<string, number>> } }>();
    return state && new Map(Object.entries(state.subjects ?? {}));
  } catch {
    return undefined;
  }
}
