/** A camera as operators describe it: KV `cameras`, REST of the capture-gateway. */
import { z } from 'zod';
import { FrameBufferError, InvalidInputError } from '../errors.ts';
import { capabilitiesSchema } from '../frame.ts';
import { tokenSchema } from '../names.ts';

export type CameraSource =
  | { readonly type: 'test-pattern'; readonly width: number; readonly height: number; readonly fps: number }
  | { readonly type: 'rtsp'; readonly url: string }
  | { readonly type: 'http'; readonly url: string }
  | { readonly type: 'file'; readonly path: string; readonly loop: boolean }
  | { readonly type: 'push' };

const ALLOWED =
  'rtsp://host/path, rtsps://…, http://… or https://… (MJPEG), file:///path.mp4 (?loop=false), test-pattern:?width=640&height=360&fps=10, or push:';

/** Throws `invalid_camera_url`; the message never quotes the URL, which may hold a password. */
export function parseCameraUrl(text: string): CameraSource {
  if (text.length > 2048) throw invalid('it is longer than 2048 characters');
  if (hasControlCharacter(text)) throw invalid('it holds a space or control character');
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) throw invalid('it is malformed');
  switch (url.protocol) {
    case 'rtsp:':
    case 'rtsps:':
      return { type: 'rtsp', url: addressOf(url, text) };
    case 'http:':
    case 'https:':
      return { type: 'http', url: addressOf(url, text) };
    case 'file:': {
      // Without all three slashes a relative path would become an absolute one.
      if (!/^file:\/\/\//i.test(text) || url.pathname === '/')
        throw invalid('a file needs an absolute path: file:///path.mp4');
      if (url.hash !== '') throw invalid('a "#" in a path is written %23');
      return { type: 'file', path: decodePath(url.pathname), loop: url.searchParams.get('loop') !== 'false' };
    }
    case 'test-pattern:':
      return {
        type: 'test-pattern',
        width: bounded(url, 'width', 640, 64, 3840),
        height: bounded(url, 'height', 360, 64, 2160),
        fps: bounded(url, 'fps', 10, 0.1, 500),
      };
    case 'push:':
      return { type: 'push' };
    default:
      // Not quoted: of `admin:secret@host` the scheme is the name of a user.
      throw invalid('its scheme is not known');
  }
}

function invalid(fault: string): FrameBufferError {
  return new InvalidInputError('camera_url', `the camera's URL cannot be used: ${fault}. Allowed: ${ALLOWED}`);
}

/** As given, since a player reads user and password literally; the scheme in lower case, which players insist on. */
function addressOf(url: URL, text: string): string {
  const rest = text.slice(url.protocol.length);
  if (url.hostname === '' || !rest.startsWith('//')) throw invalid('it names no host');
  return url.protocol + rest;
}

function hasControlCharacter(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (isControl(text.charCodeAt(i)) || text[i] === ' ') return true;
  return false;
}

function isControl(code: number): boolean {
  return code < 0x20 || code === 0x7f;
}

function decodePath(path: string): string {
  const decoded = percentDecode(path);
  for (let i = 0; i < decoded.length; i++)
    if (isControl(decoded.charCodeAt(i))) throw invalid('its path holds a control character');
  return decoded;
}

function percentDecode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw invalid('its path is not properly percent-encoded');
  }
}

function bounded(url: URL, name: string, fallback: number, min: number, max: number): number {
  const text = url.searchParams.get(name);
  const value = text === null ? fallback : Number(text);
  if (!(value >= min && value <= max)) throw invalid(`${name} must be a number from ${min} to ${max}`);
  return name === 'fps' ? value : Math.floor(value / 2) * 2;
}

export const cameraSchema = z.strictObject({
  name: tokenSchema('camera'),
  url: z.string().check((context) => {
    try {
      parseCameraUrl(context.value);
    } catch (error) {
      if (!(error instanceof FrameBufferError)) throw error;
      context.issues.push({ code: 'custom', input: '(redacted)', message: error.message });
    }
  }),
  /** What is wanted of every frame; each makes one task. */
  capabilities: capabilitiesSchema('a camera'),
  /** 0 to 10, 10 the most urgent. */
  priority: z.int().min(0).max(10).default(5),
});

export type Camera = z.infer<typeof cameraSchema>;
