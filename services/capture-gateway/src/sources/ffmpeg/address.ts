/** For builds of ffmpeg that cannot resolve names (see locate.ts): the URL with the host's address in its place. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { type EndCause, endCause } from '../source.ts';
import type { FfmpegInput } from './arguments.ts';

export type Addressed =
  | { readonly ok: true; readonly input: FfmpegInput }
  | { readonly ok: false; readonly cause: EndCause };

export async function addressHost(input: FfmpegInput): Promise<Addressed> {
  if (input.type === 'file') return { ok: true, input };
  const url = new URL(input.url);
  const { hostname, host } = url;
  if (isIP(hostname.replace(/^\[|\]$/g, '')) !== 0) return { ok: true, input };
  try {
    const { address, family } = await lookup(hostname);
    url.hostname = family === 6 ? `[${address}]` : address;
    return { ok: true, input: input.type === 'http' ? { ...input, url: url.href, host } : { ...input, url: url.href } };
  } catch {
    return { ok: false, cause: endCause('host_not_found', `no address is known for the host ${hostname}`) };
  }
}
