/**
 * The direct way: one process publishes a picture with its time, another one consumes it. One JetStream work queue, explicit
 * acknowledgements, the same pictures at the same pace.
 */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeJpeg, makeTestFolder, spawnService, startTestBroker, until } from '@frame-buffer/testkit';
import { readAges } from './ages.ts';

export interface DirectOptions {
  readonly rate: number;
  readonly seconds: number;
  readonly cameras: number;
  readonly width: number;
  readonly height: number;
}

export async function directLatencies({ rate, seconds, cameras, width, height }: DirectOptions): Promise<number[]> {
  await using folder = await makeTestFolder('direct');
  await using broker = await startTestBroker();
  const picture = join(folder.path, 'picture.jpg');
  writeFileSync(picture, await makeJpeg({ width, height }));
  const log = join(folder.path, 'ages.log');
  writeFileSync(log, '');
  const env = {
    NATS: broker.url,
    AGE_LOG: log,
    PICTURE: picture,
    RATE: String(rate),
    CAMERAS: String(cameras),
    SECONDS: String(seconds + 1),
  };
  await using consumer = await spawnService({
    name: 'consumer',
    entry: join(import.meta.dirname, 'direct-consumer.ts'),
    env,
  });
  await using producer = await spawnService({
    name: 'producer',
    entry: join(import.meta.dirname, 'direct-producer.ts'),
    env,
  });
  const { code } = await producer.exited;
  if (code !== 0) throw new Error(`the direct producer failed: ${producer.logTail()}`);
  const total = Math.floor(rate * (seconds + 1));
  await until(() => readAges(log).length, { what: 'every message', is: (count) => count >= total, timeoutMs: 10_000 });
  await consumer.stop();
  return readAges(log).slice(rate);
}
