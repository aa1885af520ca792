/** What differs between two registrations of one name. Pure. */
import type { Processor } from '@frame-buffer/protocol';

/** The fields that differ, in the order of the record. The order of capabilities and labels means nothing. */
export function changedFields(before: Processor, after: Processor): readonly (keyof Processor)[] {
  const fields = Object.keys(after) as (keyof Processor)[];
  return fields.filter((field) => canonical(before[field]) !== canonical(after[field]));
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return JSON.stringify([...value].sort());
  if (typeof value === 'object' && value !== null) {
    return JSON.stringify(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  }
  return JSON.stringify(value);
}
