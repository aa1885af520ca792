/** Ages in milliseconds, one a line. */
import { readFileSync } from 'node:fs';

export function readAges(file: string): number[] {
  return readFileSync(file, 'utf8').split('\n').filter(Boolean).map(Number);
}
