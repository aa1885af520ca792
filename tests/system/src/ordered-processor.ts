/**
 * An ordered processor with a log of its own: `<frame> <instance> <epoch ms at start>`, one line per handler call, appended before
 * the handler returns.
 */
import { appendFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { createProcessor } from '@frame-buffer/processor';

const { ORDERED_FILE = '', ORDERED_MS = '5', FRAME_BUFFER_INSTANCE = '' } = process.env;

await createProcessor({
  name: 'tracker',
  capabilities: ['track'],
  concurrency: 8,
  async handle(frame) {
    const began = Date.now();
    await wait(Number(ORDERED_MS));
    appendFileSync(ORDERED_FILE, `${frame.id} ${FRAME_BUFFER_INSTANCE} ${began}\n`);
    return { sequence: frame.sequence };
  },
}).run(process.env);
