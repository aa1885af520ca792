/**
 * A processor that does what its environment says, and keeps a log of its own: one line per finished handler call,
 * `<frame> <epoch ms at start> <ms since capture> <ms in its queue>`, appended before the handler returns.
 */
import { appendFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { createProcessor } from '@frame-buffer/processor';

const {
  SCRIPT_NAME = 'scripted',
  SCRIPT_CAPABILITY = 'work',
  SCRIPT_MS = '10',
  SCRIPT_CONCURRENCY = '1',
  SCRIPT_LOG = '',
} = process.env;

await createProcessor({
  name: SCRIPT_NAME,
  capabilities: [SCRIPT_CAPABILITY],
  concurrency: Number(SCRIPT_CONCURRENCY),
  async handle(frame) {
    const line = `${frame.id} ${Date.now()} ${frame.ageMs().toFixed(3)} ${frame.queuedMs().toFixed(3)}\n`;
    if (SCRIPT_MS !== '0') await wait(Number(SCRIPT_MS));
    appendFileSync(SCRIPT_LOG, line);
  },
}).run(process.env);
