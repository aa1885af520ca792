/**
 * The log files of a run: a folder per run, a file per process.
 *
 *   F1  Bounded: a file that reaches its bound becomes `<name>.old.log` and begins anew; of former runs the last few are kept.
 *   F2  A disk that is full, or a folder that is gone, costs log lines and nothing else.
 */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

const RUNS_KEPT = 5;
const MAX_BYTES = 8 * 1024 * 1024;

export class RunLogs {
  /** Absolute. */
  readonly folder: string;
  readonly #allRuns: string;
  readonly #maxBytes: number;
  readonly #open: LogFile[] = [];

  /** Makes the folder. Throws what the system says. */
  constructor(dataDir: string, startedAt: Date, maxBytes = MAX_BYTES) {
    this.#allRuns = join(dataDir, 'logs');
    // A colon is not allowed everywhere in the name of a file.
    this.folder = join(this.#allRuns, startedAt.toISOString().replaceAll(':', '-'));
    this.#maxBytes = maxBytes;
    makeFolder(this.folder);
  }

  pathOf(name: string): string {
    return join(this.folder, `${name}.log`);
  }

  /** Appends; the same file for every start of one process. */
  file(name: string): LogFile {
    const file = new LogFile(this.pathOf(name), this.#maxBytes);
    this.#open.push(file);
    return file;
  }

  /** The last lines, for messages. */
  tail(name: string, lines: number): string {
    try {
      return readFileSync(this.pathOf(name), 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
    } catch {
      return '';
    }
  }

  /** Forgets runs of long ago. Names sort by time. */
  prune(): void {
    const runs = readdirSync(this.#allRuns).sort();
    for (const run of runs.slice(0, -RUNS_KEPT)) rmSync(join(this.#allRuns, run), { recursive: true, force: true });
  }

  /** For a run that did not begin. */
  discard(): void {
    this.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  close(): void {
    for (const file of this.#open.splice(0)) file.close();
  }
}

export class LogFile {
  readonly #path: string;
  readonly #maxBytes: number;
  #descriptor: number | undefined;
  #bytes = 0;

  constructor(path: string, maxBytes: number) {
    this.#path = path;
    this.#maxBytes = maxBytes;
  }

  write(chunk: Uint8Array): void {
    try {
      if (this.#bytes >= this.#maxBytes) this.#turn();
      this.#descriptor ??= openSync(this.#path, 'a');
      this.#bytes += writeSync(this.#descriptor, chunk);
    } catch {
      // F2
    }
  }

  close(): void {
    if (this.#descriptor === undefined) return;
    closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #turn(): void {
    this.close();
    this.#bytes = 0;
    renameSync(this.#path, this.#path.replace(/\.log$/, '.old.log'));
  }
}

/** Node's own recursive `mkdir` goes round for ever where a folder exists and can hold no others, as `/proc` does. */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    // Another run may have been quicker.
    if (!existsSync(path)) throw error;
  }
}
