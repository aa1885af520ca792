/** A temporary folder that is gone when its scope ends. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TestFolder {
  /** Absolute. */
  readonly path: string;
  /** Idempotent. */
  remove(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function makeTestFolder(name = 'test'): Promise<TestFolder> {
  const path = await mkdtemp(join(tmpdir(), `frame-buffer-${name}-`));
  const remove = () => rm(path, { recursive: true, force: true, maxRetries: 3 });
  return { path, remove, [Symbol.asyncDispose]: remove };
}
