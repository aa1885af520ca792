/**
 * The cameras of a run: the test patterns and what `--camera` names.
 *
 *   C1  Faults are found before anything is started, and their message never quotes a URL: it may hold a password.
 *   C2  Only test patterns that an earlier run has added are ever removed (`isLeftOver`); cameras of people stay.
 */
import { FrameBufferError, isToken, parseCameraUrl, TOKEN_RULE } from '@frame-buffer/protocol';
import { usageError } from './errors.ts';

export interface WantedCamera {
  readonly name: string;
  readonly url: string;
  readonly capabilities: readonly string[];
  /** 0 to 10 */
  readonly priority: number;
}

/** What the two samples can do. */
export const DEMO_CAPABILITIES: readonly string[] = ['motion', 'quality'];

const TEST_PATTERN = 'test-pattern:?width=640&height=360&fps=10';
const TEST_CAMERA = /^cam-[1-9]\d*$/;
const PRIORITY = 5;

/** A name has no colon or slash, every URL has a colon before its first `=`. */
const NAMED = /^([^:/?=]*)=(.*)$/s;

/** `count` test patterns `cam-1`…, then one camera per option (`URL` or `name=URL`), unnamed ones `camera-1`…. Throws a DevError. */
export function wantedCameras(count: number, options: readonly string[]): readonly WantedCamera[] {
  const patterns = Array.from({ length: count }, (_, index) => camera(`cam-${index + 1}`, TEST_PATTERN));
  const cameras = [...patterns, ...options.map(parseCameraOption)];
  const names = new Set<string>();
  for (const { name } of cameras) {
    if (names.has(name))
      throw usageError(`--camera: there are two cameras named "${name}"; write --camera other-name=URL.`);
    names.add(name);
  }
  return cameras;
}

function parseCameraOption(text: string, index: number): WantedCamera {
  const [, name = `camera-${index + 1}`, url = text] = NAMED.exec(text) ?? [];
  if (!isToken(name))
    throw usageError(`--camera: the name ${JSON.stringify(name.slice(0, 70))} is not allowed: use ${TOKEN_RULE}.`);
  try {
    parseCameraUrl(url);
  } catch (error) {
    if (!(error instanceof FrameBufferError)) throw error;
    throw usageError(`--camera, number ${index + 1}: ${error.message}`);
  }
  return camera(name, url);
}

function camera(name: string, url: string): WantedCamera {
  return { name, url, capabilities: DEMO_CAPABILITIES, priority: PRIORITY };
}

/** Is this stored camera a test pattern of an earlier run that this one does not want? */
export function isLeftOver(
  stored: { readonly name: string; readonly url: string },
  wanted: readonly WantedCamera[],
): boolean {
  if (!TEST_CAMERA.test(stored.name) || !stored.url.startsWith('test-pattern:')) return false;
  return !wanted.some(({ name }) => name === stored.name);
}
