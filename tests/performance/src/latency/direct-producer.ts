/** Publishes the picture with the time in front, at a steady pace, as many cameras as there are. */
import { readFileSync } from 'node:fs';
import { jetstream } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';

const { NATS = '', PICTURE = '', RATE = '', CAMERAS = '', SECONDS = '' } = process.env;
const nc = await connect({ servers: NATS });
const js = jetstream(nc);
const picture = readFileSync(PICTURE);
const rate = Number(RATE);
const total = Math.floor(rate * Number(SECONDS));
process.send?.({ type: 'ready' });

const began = performance.now();
let sent = 0;
const acks: Promise<unknown>[] = [];
await new Promise<void>((resolve) => {
  const timer = setInterval(() => {
    const due = Math.min(total, Math.floor(((performance.now() - began) * rate) / 1000));
    for (; sent < due; sent++) {
      const message = Buffer.alloc(8 + picture.length);
      message.writeDoubleLE(performance.timeOrigin + performance.now(), 0);
      picture.copy(message, 8);
      acks.push(js.publish(`direct.cam-${sent % Number(CAMERAS)}`, message));
    }
    if (sent < total) return;
    clearInterval(timer);
    resolve();
  }, 1);
});
await Promise.all(acks);
await nc.drain();
process.exit(0);
