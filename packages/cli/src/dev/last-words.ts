/** Why a process ended, in its own words: the last fatal line of its log. */
import { textAt } from './reading.ts';

/** `log` is the end of a log file. Undefined when it died without a word. */
export function lastWords(log: string): string | undefined {
  for (const line of log.trimEnd().split('\n').reverse()) {
    const entry = parse(line);
    if (textAt(entry, 'level') !== 'fatal') continue;
    const reason = textAt(entry, 'error', 'message') ?? textAt(entry, 'error') ?? textAt(entry, 'event');
    return reason?.split('\n')[0];
  }
  return undefined;
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
