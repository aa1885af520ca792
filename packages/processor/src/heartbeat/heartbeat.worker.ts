/** The heartbeat's thread. It beats until it is told to stop, whatever the main thread is busy with. */
import { parentPort, workerData } from 'node:worker_threads';
import { Beat, type BeatOptions } from './beat.ts';

/** What the main thread may say. */
export type Command = 'beat' | 'stop';

const beat = new Beat(workerData as BeatOptions, (report) => parentPort?.postMessage(report));

parentPort?.on('message', (command: Command) => {
  if (command === 'beat') return beat.now();
  void beat.stop().then(() => parentPort?.close());
});
