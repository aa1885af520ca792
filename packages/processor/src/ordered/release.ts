/** Gives a partition back: asks a registry until it is done, or is no longer ours to give. */
import { endpoint, type ReleaseRequest } from '@frame-buffer/protocol';
import type { Logger } from '@frame-buffer/telemetry';
import type { NatsConnection } from '@nats-io/nats-core';
import { pause } from '../pause.ts';

const ANSWER_MS = 2_000;
const AGAIN_MS = 250;

/** Never rejects. What no registry hears of is taken from us in the end. */
export async function release(
  nc: NatsConnection,
  request: ReleaseRequest,
  options: { readonly log: Logger; readonly signal: AbortSignal },
): Promise<void> {
  const { partition, epoch } = request;
  while (!options.signal.aborted && !nc.isClosed() && !nc.isDraining()) {
    try {
      const { headers } = await nc.request(endpoint.releasePartition, JSON.stringify(request), { timeout: ANSWER_MS });
      const code = Number(headers?.get('Nats-Service-Error-Code') ?? '');
      if (!(code >= 400)) return;
      const detail = headers?.get('Nats-Service-Error') ?? '';
      if (code < 500) {
        options.log.warn('partition.release_refused', { partition, epoch, detail });
        return;
      }
    } catch {
      // No registry for the moment.
    }
    await pause(AGAIN_MS, options.signal);
  }
}
