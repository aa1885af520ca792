/**
 * Cuts ffmpeg's multipart output into pictures.
 *
 *   M1  Cut by `Content-length`, never by looking for markers: pictures may hold anything.
 *   M2  Each picture is copied once, into memory of its own: a slice would keep ffmpeg's whole chunk alive.
 *   M3  Bounded: at most one picture of `maxPictureBytes` and one header of 1 KB are held, whatever comes in.
 */

/** The stream is not what ffmpeg writes; what follows cannot be cut. */
export class MpjpegError extends Error {
  readonly code = 'mpjpeg_malformed';

  constructor(message: string) {
    super(message);
    this.name = 'MpjpegError';
  }
}

const MAX_HEADER_BYTES = 1_024;
const HEADER_END = '\r\n\r\n';

export interface MpjpegParser {
  /** Calls `picture` for each one that this chunk completes, in order. @throws MpjpegError, after which it is of no use */
  push(chunk: Uint8Array): void;
}

export function createMpjpegParser(
  picture: (bytes: Uint8Array) => void,
  { maxPictureBytes = 16 * 1024 * 1024 }: { readonly maxPictureBytes?: number } = {},
): MpjpegParser {
  let header = '';
  let body: Uint8Array | undefined;
  let filled = 0;

  /** Both return how many bytes they took. */
  function readHeader(chunk: Uint8Array): number {
    const room = MAX_HEADER_BYTES - header.length;
    const text = Buffer.from(chunk.buffer, chunk.byteOffset, Math.min(chunk.length, room)).toString('latin1');
    const before = header.length;
    header += text;
    const end = header.indexOf(HEADER_END);
    if (end >= 0) {
      body = Buffer.allocUnsafeSlow(contentLength(header.slice(0, end), maxPictureBytes));
      filled = 0;
      header = '';
      return end + HEADER_END.length - before;
    }
    if (header.length >= MAX_HEADER_BYTES) throw new MpjpegError('a part has no end of header within 1 KB');
    return text.length;
  }

  function readBody(chunk: Uint8Array, target: Uint8Array): number {
    const taken = Math.min(chunk.length, target.length - filled);
    target.set(chunk.subarray(0, taken), filled);
    filled += taken;
    if (filled === target.length) {
      body = undefined;
      picture(target);
    }
    return taken;
  }

  return {
    push(chunk) {
      let at = 0;
      while (at < chunk.length) {
        const rest = chunk.subarray(at);
        at += body === undefined ? readHeader(rest) : readBody(rest, body);
      }
    },
  };
}

function contentLength(header: string, maxPictureBytes: number): number {
  const digits = /^content-length:[ \t]*(\d{1,12})[ \t]*$/im.exec(header)?.[1];
  const length = Number(digits ?? 0);
  if (length === 0) throw new MpjpegError('a part has no Content-length');
  if (length > maxPictureBytes) {
    throw new MpjpegError(`a picture of ${length} bytes is larger than the bound of ${maxPictureBytes}`);
  }
  return length;
}
