/**
 * Redaction: what leaves the process as text never carries credentials or pixels.
 *
 *   R1  In every URL inside a text the user info and the value of secret query parameters become `***`.
 *   R2  The rest of the text is unchanged, and redacting twice changes nothing more.
 */

/** `scheme://user:password@`: the user info reaches to the last `@` before the path, since passwords may hold an `@`. */
const userInfo = /\b([a-z][a-z0-9+.-]{0,31}:\/\/)[^\s/?#"'<>]*@/gi;

/** A malformed URL whose password holds a bare `/`, `?` or `#`: what stands behind the first colon is no port. */
const brokenUserInfo =
  /\b([a-z][a-z0-9+.-]{0,31}:\/\/)[^\s/?#"'<>:@[]{1,256}:(?!\d*(?:[/?#"'<>\s]|$))[^\s"'<>@]{0,256}@/gi;

const secretParameter =
  /([?&;](?:[\w-]{0,64}(?:password|passwd|secret|token|api[_-]?key|signature)|pwd|pass|auth|sig|key)=)[^\s&#;"'<>]*/gi;

const secretName =
  /^(?:pass|password|passwd|passphrase|pwd|secret|token|authorization|cookie|credentials?|seed|jwt|.*(?:_password|Password|_secret|Secret|_token|Token|api_?key|apiKey))$/i;

/** Replaces the credentials of every URL in `text` by `***`. Text without a URL comes back as it is. */
export function redactUrls(text: string): string {
  if (!text.includes('://')) return text;
  return text.replace(userInfo, '$1***@').replace(brokenUserInfo, '$1***@').replace(secretParameter, '$1***');
}

/** Whether a field of this name holds a secret when its value is a text (`password`, `authorization`, `nats_token`…). */
export function isSecretName(name: string): boolean {
  return secretName.test(name);
}
