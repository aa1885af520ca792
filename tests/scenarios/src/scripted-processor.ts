/**
 * A processor that does what its environment says, and keeps a log of its own: one line per finished handler call,
 * `<frame> <epoch ms at start> <ms since capture> <ms in its queue>`, appended before the handler returns. While the file
 * `SCRIPT_FAIL_WHILE` exists the handler throws instead, and the same line goes to `SCRIPT_FAILED_LOG`.
 */
import { appendFileSync, existsSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { createProcessor } from '@frame-buffer/processor';

const {
  SCRIPT_NAME = 'scripted',
  SCRIPT_CAPABILITY = 'work',
  SCRIPT_MS = '10',
  SCRIPT_CONCURRENCY = '1',
  SCRIPT_LOG = '',
  /** A label that it bears, or none. */
  SCRIPT_LABEL = '',
  SCRIPT_FAIL_WHILE = '',
  SCRIPT_FAILED_LOG = '',
  SCRIPT_BREAKER_RECOVERY_MS = '30000',
} = process.env;

await createProcessor({
  name: SCRIPT_NAME,
  capabilities: [SCRIPT_CAPABILITY],
  concurrency: Number(SCRIPT_CONCURRENCY),
  labels: SCRIPT_LABEL === '' ? {} : { [SCRIPT_LABEL]: 'true' },
  breaker: { recoveryMs: Number(SCRIPT_BREAKER_RECOVERY_MS) },
  async handle(frame) {
    const line = `${frame.id} ${Date.now()} ${frame.ageMs().toFixed(3)} ${frame.queuedMs().toFixed(3)}\n`;
    if (SCRIPT_MS !== '0') await wait(Number(SCRIPT_MS));
    if (SCRIPT_FAIL_WHILE !== '' && existsSync(SCRIPT_FAIL_WHILE)) {
      appendFileSync(SCRIPT_FAILED_LOG, line);
      throw new Error('told to fail');
    }
    appendFileSync(SCRIPT_LOG, line);
  },
}).run(process.env);
