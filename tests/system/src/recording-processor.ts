/**
 * A processor that keeps a log of its own: one line per handler call, appended before the handler returns. What is in the
 * file survives a SIGKILL of this process, and owes nothing to the ledger that it is compared with.
 */
import { appendFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { createProcessor } from '@frame-buffer/processor';

const {
  RECORD_FILE = '',
  RECORD_NAME = 'recorder',
  RECORD_CAPABILITY = 'record',
  RECORD_MS = '5',
  RECORD_PIXELS = '',
} = process.env;

await createProcessor({
  name: RECORD_NAME,
  capabilities: [RECORD_CAPABILITY],
  concurrency: 4,
  async handle(frame) {
    const bytes = RECORD_PIXELS === '' ? 0 : (await frame.pixels()).length;
    await wait(Number(RECORD_MS));
    appendFileSync(RECORD_FILE, `${frame.id}\n`);
    return { bytes };
  },
}).run(process.env);
