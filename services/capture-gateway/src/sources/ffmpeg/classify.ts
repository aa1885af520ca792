/** Why an ffmpeg process ended, from all that is known about it. Pure. */

import { redact } from '../redact.ts';
import type { CauseCode, EndCause } from '../source.ts';
import { endCause } from '../source.ts';
import type { FfmpegInput } from './arguments.ts';

export interface FfmpegEnd {
  readonly input: FfmpegInput;
  readonly code: number | null;
  readonly signal: string | null;
  /** Its end; may hold the URL with its password. */
  readonly stderr: string;
  readonly hadPictures: boolean;
  readonly stoppedByUs: boolean;
}

/**
 * ffmpeg has no codes for its errors: this is the one place where text decides. In order: an earlier line names the cause
 * more closely than a later one, and ffmpeg often prints a general line ("Input/output error") after the exact one.
 */
const texts: readonly (readonly [RegExp, CauseCode])[] = [
  [/Protocol not found/, 'malformed_url'],
  [/Failed to resolve hostname|Name or service not known|Temporary failure in name resolution/, 'host_not_found'],
  [/Connection refused/, 'connection_refused'],
  [/Network is unreachable|No route to host|Network is down/, 'unreachable'],
  [/\b40[13] (?:Unauthorized|Forbidden)|authorization failed|access denied/i, 'unauthorized'],
  [/\b404\b.*Not Found|\b454 Session Not Found/i, 'not_found'],
  [/\b5(?:XX|\d\d) Server Error|\b5\d\d (?:Internal|Service|Bad Gateway|Not Implemented)/i, 'server_error'],
  [/matches no streams|does not contain any (?:video )?stream/i, 'no_video'],
  [/Connection timed out|Operation timed out/i, 'timed_out'],
  [/No such file or directory/, 'file_missing'],
  [/Is a directory|Permission denied/, 'file_unreadable'],
  [/Invalid data found|could not find codec parameters|moov atom not found|End of file/i, 'invalid_data'],
  [/Stream ends prematurely/, 'invalid_data'],
  [/Stream ends prematurely|Connection reset by peer|Broken pipe/, 'ended'],
];

/** With pictures, complaints about the data are the decoder's about a damaged one: they do not end ffmpeg. */
const possibleWithPictures = new Set<CauseCode>(['timed_out', 'unauthorized', 'unreachable', 'ended']);

export function classifyEnd(end: FfmpegEnd): EndCause {
  if (end.stoppedByUs) return endCause('stopped', 'stopped on request');
  const cause = (code: CauseCode, fallback: string) => endCause(code, lastLine(end) ?? fallback);

  if (end.signal !== null) return cause('crashed', `ffmpeg was ended by ${end.signal}`);
  if (end.hadPictures && end.code !== 0 && /Invalid pts|Changing video frame properties/i.test(end.stderr)) {
    return endCause('format_changed', 'the resolution of the stream changed');
  }
  const named = texts.find(([pattern, code]) => pattern.test(end.stderr) && isPossible(code, end))?.[1];
  if (named !== undefined) return cause(named, named);
  if (end.code !== 0) return cause('crashed', `ffmpeg ended with code ${end.code}`);
  if (!end.hadPictures) return cause('no_video', 'the source ended without a picture');
  if (end.input.type !== 'file') return endCause('ended', 'the server closed the stream');
  return endCause('ended', 'the end of the file', { finished: !end.input.loop });
}

function isPossible(code: CauseCode, { input, hadPictures }: FfmpegEnd): boolean {
  if (hadPictures && !possibleWithPictures.has(code)) return false;
  const isAboutFiles = code === 'file_missing' || code === 'file_unreadable';
  return !isAboutFiles || input.type === 'file';
}

/** What ffmpeg said last, without credentials and without the addresses of its objects. */
function lastLine({ stderr, input }: FfmpegEnd): string | undefined {
  const line = stderr.trimEnd().split('\n').at(-1)?.trim() ?? '';
  if (line === '') return undefined;
  const url = input.type === 'file' ? undefined : input.url;
  return redact(line, url)
    .replace(/ @ 0x[0-9a-f]+\]/, ']')
    .slice(0, 300);
}
