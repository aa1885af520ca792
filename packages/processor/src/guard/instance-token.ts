/** The name under which an instance stands in `events.<kind>.<id>`. */
import { createHash } from 'node:crypto';

const MAX_TOKEN = 63;
const DIGEST = 8;

/** `<processor>-<instance>`; where that is too long for a token its end gives way to a digest of the whole. */
export function instanceToken(processor: string, instance: string): string {
  const full = `${processor}-${instance}`;
  if (full.length <= MAX_TOKEN) return full;
  const digest = createHash('sha256').update(full).digest('hex').slice(0, DIGEST);
  return `${full.slice(0, MAX_TOKEN - DIGEST - 1)}-${digest}`;
}
