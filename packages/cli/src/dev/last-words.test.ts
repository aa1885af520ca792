import { expect, test } from 'vitest';
import { lastWords } from './last-words.ts';

const line = (fields: object) => `${JSON.stringify(fields)}\n`;

test.each([
  ['', undefined],
  ['SyntaxError: no JSON\n', undefined],
  [line({ level: 'info', event: 'service.ready' }), undefined],
  [line({ level: 'fatal', event: 'service.crashed', error: { message: 'out of reach\n  more' } }), 'out of reach'],
  [line({ level: 'fatal', event: 'service.crashed' }) + line({ level: 'info', event: 'later' }), 'service.crashed'],
  [line({ level: 'fatal', event: 'a', error: 'one' }) + line({ level: 'fatal', event: 'a', error: 'two' }), 'two'],
])('%j', (log, words) => {
  expect(lastWords(log)).toBe(words);
});
