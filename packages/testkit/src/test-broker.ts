/**
 * A real nats-server for one test file. Guarantees: a port and a store of its own; when its scope ends, its clients
 * are closed, the server is gone and the store is deleted.
 *
 *   await using broker = await startTestBroker();
 *   const nc = await broker.connect();
 */

import { type Broker, type BrokerOptions, startBroker } from '@frame-buffer/broker';
import { type ConnectionOptions, connect, type NatsConnection } from '@nats-io/transport-node';
import { makeTestFolder } from './test-folder.ts';

export interface TestBroker extends Broker {
  /** A connection that ends with the broker; it may be closed earlier. */
  connect(options?: ConnectionOptions): Promise<NatsConnection>;
}

export type TestBrokerOptions = Partial<BrokerOptions>;

/** @throws BrokerError */
export async function startTestBroker(options: TestBrokerOptions = {}): Promise<TestBroker> {
  const folder = await makeTestFolder('broker');
  const clients: NatsConnection[] = [];
  try {
    const broker = await startBroker({ env: process.env, storeDir: folder.path, ...options });
    const stop = async (): Promise<void> => {
      await Promise.all(clients.splice(0).map((client) => client.close()));
      await broker.stop();
      await folder.remove();
    };
    // Not a copy: `pid` and `exited` are those of the present child.
    return Object.assign(Object.create(broker) as Broker, {
      stop,
      [Symbol.asyncDispose]: stop,
      async connect(connection: ConnectionOptions = {}) {
        const client = await connect({ servers: broker.url, ...connection });
        clients.push(client);
        return client;
      },
    });
  } catch (error) {
    await folder.remove();
    throw error;
  }
}
