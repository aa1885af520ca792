/**
 * Turns the fields of a log line into plain, bounded JSON values.
 *
 *   S1  Never throws: cycles, getters that fail, bigints and symbols have a printable form.
 *   S2  Every text is redacted (`redactUrls`), a text under a secret name is `***`.
 *   S3  Bytes are never printed, only counted.
 *   S4  Depth, list length, text length and number of causes are bounded.
 */
import { isSecretName, redactUrls } from './redact.ts';

const maxDepth = 6;
const maxItems = 50;
const maxTextLength = 8_192;

/** A JSON-ready copy of `value`, redacted and bounded. */
export function serialise(value: unknown): unknown {
  return copy(value, 0, []);
}

function copy(value: unknown, depth: number, above: readonly object[]): unknown {
  switch (typeof value) {
    case 'string':
      return text(value);
    case 'bigint':
      return value.toString();
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'function':
      return '[function]';
    case 'symbol':
      return value.toString();
    case 'object':
      return value === null ? null : copyObject(value, depth, above);
    default:
      return value;
  }
}

function copyObject(value: object, depth: number, above: readonly object[]): unknown {
  if (above.includes(value)) return '[circular]';
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? '[invalid date]' : value.toISOString();
  if (value instanceof URL) return text(value.href);
  if (depth >= maxDepth) return '[too deep]';

  const path = [...above, value];
  if (value instanceof Error) return copyError(value, depth, path);
  if (Array.isArray(value) || value instanceof Set) return copyList([...value], depth, path);
  if (value instanceof Map)
    return copyEntries(
      [...value].map(([key, item]) => [String(key), item] as const),
      depth,
      path,
    );
  return copyEntries(entriesOf(value), depth, path);
}

/** `type`, `message`, `code`, `stack`, `cause`, `errors` first, then the subclass's own fields. */
function copyError(error: Error, depth: number, path: readonly object[]): Record<string, unknown> {
  const out: Record<string, unknown> = { type: error.name, message: text(error.message) };
  Object.assign(
    out,
    copyEntries(
      entriesOf(error).filter(([name]) => !(name in out)),
      depth,
      path,
    ),
  );
  if (typeof error.stack === 'string') out['stack'] = text(error.stack);
  if (error.cause !== undefined) out['cause'] = copy(error.cause, depth + 1, path);
  if (error instanceof AggregateError) out['errors'] = copyList(error.errors, depth, path);
  return out;
}

function copyList(items: readonly unknown[], depth: number, path: readonly object[]): unknown[] {
  const out = items.slice(0, maxItems).map((item) => copy(item, depth + 1, path));
  if (items.length > maxItems) out.push(`[${items.length - maxItems} more]`);
  return out;
}

function copyEntries(entries: readonly (readonly [string, unknown])[], depth: number, path: readonly object[]) {
  const out: Record<string, unknown> = {};
  for (const [name, item] of entries.slice(0, maxItems)) {
    out[name] = typeof item === 'string' && isSecretName(name) ? '***' : copy(item, depth + 1, path);
  }
  if (entries.length > maxItems) out['…'] = `[${entries.length - maxItems} more]`;
  return out;
}

function entriesOf(value: object): (readonly [string, unknown])[] {
  return Object.keys(value).map((name) => {
    try {
      return [name, (value as Record<string, unknown>)[name]] as const;
    } catch {
      return [name, '[unreadable]'] as const;
    }
  });
}

function text(value: string): string {
  const redacted = redactUrls(value);
  if (redacted.length <= maxTextLength) return redacted;
  return `${redacted.slice(0, maxTextLength)}[${redacted.length - maxTextLength} more characters]`;
}
