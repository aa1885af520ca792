/**
 * Parts of the machine that some tests need and that npm does not bring. Guarantees: a test that cannot run here is
 * skipped with a reason that says what to install, and the reason reaches the report (`.ci/verify.ts` lists it).
 *
 *   describe('…', needs('ffmpeg', 'gst-rtsp-server'), () => { … });
 */

import { execFileSync } from 'node:child_process';
import type {} from 'vitest';

export type Part = 'ffmpeg' | 'libx264' | 'gst-rtsp-server' | 'setpriv';

declare module 'vitest' {
  interface TaskMeta {
    /** Why the test was skipped; read from the JSON report. */
    skipReason?: string;
  }
}

/** Where Debian keeps the Python that knows GStreamer: another `python3` on PATH does not. */
export const SYSTEM_PYTHON = '/usr/bin/python3';

const GSTREAMER_PACKAGES =
  'apt-get install --no-install-recommends gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-{base,good,bad,ugly}';

const GSTREAMER_CHECK = `
import gi
gi.require_version('Gst', '1.0')
gi.require_version('GstRtspServer', '1.0')
from gi.repository import Gst, GstRtspServer
Gst.init(None)
missing = [name for name in ('qtdemux', 'h264parse', 'rtph264pay') if Gst.ElementFactory.find(name) is None]
assert not missing, missing
`;

interface Check {
  readonly command: string;
  readonly args: readonly string[];
  /** Must occur in the output. */
  readonly expects?: string;
  readonly install: string;
}

const CHECKS: Readonly<Record<Part, Check>> = {
  ffmpeg: { command: 'ffmpeg', args: ['-hide_banner', '-version'], install: 'apt-get install ffmpeg' },
  libx264: {
    command: 'ffmpeg',
    args: ['-hide_banner', '-encoders'],
    expects: 'libx264',
    install: 'an ffmpeg with libx264: apt-get install ffmpeg',
  },
  'gst-rtsp-server': { command: SYSTEM_PYTHON, args: ['-c', GSTREAMER_CHECK], install: GSTREAMER_PACKAGES },
  setpriv: { command: 'setpriv', args: ['--version'], install: 'apt-get install util-linux' },
};

const answers = new Map<Part, string | undefined>();

/** Undefined when the part is here, otherwise the reason to skip. Asked once per process and part. */
export function requirePart(part: Part): string | undefined {
  if (!answers.has(part))
    answers.set(part, isHere(CHECKS[part]) ? undefined : `no ${part} here (${CHECKS[part].install})`);
  return answers.get(part);
}

export interface Needs {
  readonly skip: boolean;
  readonly meta: { readonly skipReason?: string };
}

/** Options for `test` and `describe`: skips, with the reason on record, when a part is missing. */
export function needs(...parts: readonly Part[]): Needs {
  const reasons = parts.map(requirePart).filter((reason) => reason !== undefined);
  return reasons.length === 0 ? { skip: false, meta: {} } : { skip: true, meta: { skipReason: reasons.join('; ') } };
}

function isHere(check: Check): boolean {
  try {
    const output = execFileSync(check.command, check.args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return check.expects === undefined || output.includes(check.expects);
  } catch {
    return false;
  }
}
