/**
 * Joins the running system: connects to the broker, waits for what the registry provisions, and says that this instance lives.
 *
 * Services start in any order: nothing here fails because somebody is not there yet; it waits, and says for what.
 */
import { type BucketOptions, connect, JsonBucket, watchConnection } from '@frame-buffer/jetstream';
import { BUCKET, type Instance, instanceKey, instanceSchema } from '@frame-buffer/protocol';
import type { Logger } from '@frame-buffer/telemetry';
import type { NatsConnection } from '@nats-io/nats-core';
import type { Identity, ReadinessCheck } from './health.ts';
import { type Heartbeat, startHeartbeat } from './heartbeat.ts';

export interface JoinOptions {
  readonly natsUrl: string;
  readonly identity: Identity;
  readonly log: Logger;
  /** Gives up waiting when the service is to stop. */
  readonly signal: AbortSignal;
}

export interface Membership {
  readonly nc: NatsConnection;
  /** Fails while the broker is away. */
  readonly brokerCheck: ReadinessCheck;
  /** Opens a bucket, waiting for the registry to make it. */
  openBucket<T>(options: Omit<BucketOptions<T>, 'nc' | 'onInvalid'>): Promise<JsonBucket<T>>;
  /** Begins the heartbeats in `instances`. */
  announce(http: { readonly port: number }): Promise<void>;
  /** Ends heartbeats and connection; call it last. */
  leave(): Promise<void>;
}

/** The readiness of a service that may not have joined yet. */
export function brokerReadiness(membership: () => Membership | undefined): ReadinessCheck {
  return { name: 'broker', check: () => membership()?.brokerCheck.check() ?? 'waiting for the broker' };
}

const RETRY_MS = 500;

export async function joinSystem(options: JoinOptions): Promise<Membership> {
  const { natsUrl, identity, log, signal } = options;
  const { service, instance, startedAt } = identity;
  let told = false;
  const nc = await connect({
    servers: natsUrl,
    name: instance,
    onWaiting: (error) => {
      signal.throwIfAborted();
      if (!told) log.warn('broker.awaited', { error });
      told = true;
    },
  });
  let connected = true;
  watchConnection(nc, {
    disconnected: () => {
      connected = false;
      log.warn('broker.lost');
    },
    reconnected: () => {
      connected = true;
      log.info('broker.recovered');
    },
  });
  log.info('broker.connected', { server: nc.getServer(), version: nc.info?.version });

  const openBucket: Membership['openBucket'] = (bucket) =>
    retry(
      () =>
        JsonBucket.open({
          ...bucket,
          nc,
          onInvalid: (key, detail) => log.warn('record.invalid', { bucket: bucket.bucket, key, detail }),
        }),
      (error) => log.info('bucket.awaited', { bucket: bucket.bucket, from: 'registry', error }),
      signal,
    );

  let heartbeat: Heartbeat | undefined;
  return {
    nc,
    brokerCheck: { name: 'broker', check: () => connected || 'the broker does not answer' },
    openBucket,
    announce: async ({ port }) => {
      const instances = await openBucket({ bucket: BUCKET.instances, schema: instanceSchema });
      const key = instanceKey('service', service, instance);
      const record: Instance = {
        kind: 'service',
        name: service,
        instance,
        startedAt: startedAt.toISOString(),
        http: `http://127.0.0.1:${port}`,
        state: 'ready',
      };
      heartbeat = startHeartbeat({
        record: () => record,
        put: (value) => instances.put(key, value),
        remove: () => instances.delete(key),
        log,
      });
    },
    leave: async () => {
      await heartbeat?.stop();
      // Drain hangs while the broker is away, and then there is nothing to drain to.
      if (connected) await nc.drain();
      else await nc.close();
    },
  };
}

async function retry<T>(
  attempt: () => Promise<T>,
  onFirstFailure: (error: unknown) => void,
  signal: AbortSignal,
): Promise<T> {
  for (let failures = 0; ; failures++) {
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      if (failures === 0) onFirstFailure(error);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}
