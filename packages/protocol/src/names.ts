/**
 * Names that become subject tokens: cameras, capabilities, processors, instances.
 *
 * Source: design §3. NATS tokens may hold more; dots, spaces, `*` and `>` would change a subject's meaning, and keeping to
 * one narrow alphabet makes a name safe in subjects, durables, KV keys, URLs and file names alike.
 */
import { z } from 'zod';
import { InvalidInputError } from './errors.ts';

const TOKEN = /^[a-z0-9][a-z0-9-]{0,62}$/;

export const TOKEN_RULE = '1 to 63 characters: a-z, 0-9 and "-", beginning with a letter or digit';

export function isToken(value: string): boolean {
  // Callers may hold what came from outside: a RegExp would take `undefined` for the name "undefined".
  return typeof value === 'string' && TOKEN.test(value);
}

/** Returns the name, or throws `invalid_name` that quotes what was given (shortened) and says what is allowed. */
export function assertToken(what: string, value: string): string {
  if (isToken(value)) return value;
  throw new InvalidInputError('name', `${what} ${quote(value)} is not allowed: use ${TOKEN_RULE}`);
}

export function tokenSchema(what: string) {
  return z.string().check((context) => {
    if (isToken(context.value)) return;
    context.issues.push({
      code: 'custom',
      input: context.value,
      message: `${what} ${quote(context.value)} is not allowed: use ${TOKEN_RULE}`,
    });
  });
}

function quote(value: string): string {
  const text = String(value);
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
