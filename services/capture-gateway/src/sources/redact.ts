/** Text about a camera without the camera's credentials. */
import { redactUrls } from '@frame-buffer/telemetry';

/** Some cameras take the password in the path: `/user=admin&password=x&channel=1`. */
const secretInPath = /(?:pass(?:word|wd)?|pwd|token|secret)=([^&?#;/\s]+)/gi;

/**
 * Makes `text`, which may quote `url` as a whole or in part, fit for logs and REST: in every URL the credentials become
 * `***`, and wherever the secrets of `url` itself stand, they do too.
 */
export function redact(text: string, url?: string): string {
  let redacted = text;
  // First: a password with a bare `@` and `/` makes a URL whose parts nobody can tell apart.
  for (const secret of url === undefined ? [] : secretsOf(url)) redacted = redacted.replaceAll(secret, '***');
  return redactUrls(redacted);
}

/** A camera's URL as it may be shown. */
export function redactUrl(url: string): string {
  return redact(url, url);
}

/** The longest first: one may be the beginning of another. */
function secretsOf(url: string): string[] {
  const found = [...url.matchAll(secretInPath)].map((match) => match[1] ?? '');
  // What stands before the last `@`, as it is written: `new URL` would encode it, and refuses what ffmpeg accepts.
  const userInfo = /^[a-z][a-z0-9+.-]*:\/\/(.*)@/i.exec(url)?.[1] ?? '';
  const colon = userInfo.indexOf(':');
  if (colon >= 0) found.push(userInfo.slice(colon + 1));
  // A secret of one or two characters would blacken the text without hiding anything.
  return [...new Set([...found, ...found.map(decoded)])]
    .filter((s) => s.length > 2)
    .sort((a, b) => b.length - a.length);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
