/** ffmpeg's command line for one source. Pure. Source of every option: measured on ffmpeg 5.1 and on the npm build of 2018. */

/** What differs between builds; see locate.ts for how it is found out. */
export interface Dialect {
  /** The RTSP reader's bound for one read. Before ffmpeg 5 it was `-stimeout`, and `-timeout` meant: listen. */
  readonly rtspTimeout: '-timeout' | '-stimeout';
  /** Hand each picture on as it comes, neither doubled nor dropped. */
  readonly passthrough: readonly [string, string];
}

export type FfmpegInput =
  | { readonly type: 'rtsp'; readonly url: string }
  /** `host`: sent as the Host header when the URL holds an address in its place. */
  | { readonly type: 'http'; readonly url: string; readonly host?: string }
  | { readonly type: 'file'; readonly path: string; readonly loop: boolean };

export interface ArgumentsOptions {
  readonly input: FfmpegInput;
  /** From 1; later ones look longer at the stream, for servers that announce no parameter sets. */
  readonly attempt: number;
  readonly dialect: Dialect;
}

/** One blocked read lasts at most this long. A silent server is noticed after twice that: the camera's own watch is faster. */
const TIMEOUT_US = '3000000';

export function ffmpegArguments({ input, attempt, dialect }: ArgumentsOptions): string[] {
  return [
    ...['-hide_banner', '-nostdin', '-nostats', '-loglevel', 'error'],
    ...inputArguments(input, attempt, dialect),
    // Time stamps are replaced by a count: absent ones, and those of B-frames and H.265, would end the encoder.
    ...['-map', '0:v:0', '-vf', 'settb=1/1000,setpts=N', '-enc_time_base', '1/1000', ...dialect.passthrough],
    ...['-c:v', 'mjpeg', '-q:v', '5', '-pix_fmt', 'yuvj420p'],
    ...['-f', 'mpjpeg', '-boundary_tag', 'fb', 'pipe:1'],
  ];
}

function inputArguments(input: FfmpegInput, attempt: number, dialect: Dialect): string[] {
  switch (input.type) {
    case 'rtsp':
      return [
        ...['-rtsp_transport', 'tcp', '-allowed_media_types', 'video'],
        ...[...live(attempt), dialect.rtspTimeout, TIMEOUT_US, '-i', input.url],
      ];
    case 'http':
      return [
        ...(input.host === undefined ? [] : ['-headers', `Host: ${input.host}\r\n`]),
        ...[...live(attempt), '-timeout', TIMEOUT_US, '-i', input.url],
      ];
    case 'file':
      // `file:` so that a path is a path, whatever it looks like.
      return [...(input.loop ? ['-stream_loop', '-1'] : []), '-re', '-i', `file:${input.path}`];
  }
}

/** Never `-fflags nobuffer`: it throws the first key frame away. */
function live(attempt: number): string[] {
  const probe = attempt > 1 ? ['500000', '500000'] : ['32', '0'];
  return ['-probesize', `${probe[0]}`, '-analyzeduration', `${probe[1]}`, '-fpsprobesize', '0', '-flags', 'low_delay'];
}
