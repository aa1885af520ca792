/** Consumes with the client's own `consume()`, and writes down each message's age. */
import { appendFileSync } from 'node:fs';
import { AckPolicy, jetstream, jetstreamManager, RetentionPolicy, StorageType } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';

const { NATS = '', AGE_LOG = '' } = process.env;
const nc = await connect({ servers: NATS });
const jsm = await jetstreamManager(nc);
await jsm.streams.add({
  name: 'DIRECT',
  subjects: ['direct.*'],
  retention: RetentionPolicy.Workqueue,
  storage: StorageType.File,
});
await jsm.consumers.add('DIRECT', { durable_name: 'worker', ack_policy: AckPolicy.Explicit });

const ages: string[] = [];
setInterval(() => {
  if (ages.length > 0) appendFileSync(AGE_LOG, `${ages.splice(0).join('\n')}\n`);
}, 500);

const consumer = await jetstream(nc).consumers.get('DIRECT', 'worker');
await consumer.consume({
  callback: (message) => {
    const sentAt = Buffer.from(message.data.buffer, message.data.byteOffset, 8).readDoubleLE(0);
    ages.push((performance.timeOrigin + performance.now() - sentAt).toFixed(3));
    message.ack();
  },
});
process.once('SIGTERM', () => process.exit(0));
process.send?.({ type: 'ready' });
