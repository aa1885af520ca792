/**
 * A processor that fails: at each frame's first attempt, or always. It keeps a log of its own, a line per call of the handler.
 * Without a breaker, which would rightly keep it from failing so often.
 */
import { appendFileSync } from 'node:fs';
import { createProcessor } from '@frame-buffer/processor';

const { FAIL_FILE = '', FAIL_MODE = 'first' } = process.env;

await createProcessor({
  name: 'failing',
  capabilities: ['fail'],
  concurrency: 4,
  breaker: false,
  handle({ id, attempt }) {
    appendFileSync(FAIL_FILE, `${id} ${attempt}\n`);
    if (attempt === 0 || FAIL_MODE === 'always') throw new Error(`attempt ${attempt} fails`);
    return { attempt };
  },
}).run(process.env);
