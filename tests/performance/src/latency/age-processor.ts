/** Writes down how old each frame is when its handler begins. Lines are collected and written when nothing else is to do. */
import { appendFileSync } from 'node:fs';
import { createProcessor } from '@frame-buffer/processor';

const { AGE_LOG = '' } = process.env;
const ages: string[] = [];

function write(): void {
  if (ages.length > 0) appendFileSync(AGE_LOG, `${ages.splice(0).join('\n')}\n`);
}

setInterval(write, 500).unref();
process.on('exit', write);

await createProcessor({
  name: 'aged',
  capabilities: ['age'],
  concurrency: 16,
  handle(frame) {
    ages.push(frame.ageMs().toFixed(3));
  },
}).run(process.env);
