/**
 * RTSP, HTTP and files: one ffmpeg child per attempt, which writes JPEGs to its stdout. The child never outlives this process.
 *
 * Flow: check the input → find ffmpeg → spawn → cut and check pictures → the child ends → classify.
 */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { type Child, SubprocessError, spawnChild } from '@frame-buffer/subprocess';
import { inspectJpeg } from '../jpeg.ts';
import { redact } from '../redact.ts';
import { type EndCause, endCause, type Source, type SourceEvents } from '../source.ts';
import { addressHost } from './address.ts';
import { type FfmpegInput, ffmpegArguments } from './arguments.ts';
import { classifyEnd } from './classify.ts';
import { type FfmpegBuild, locateFfmpeg } from './locate.ts';
import { createMpjpegParser } from './mpjpeg.ts';

export interface FfmpegSourceOptions {
  readonly input: FfmpegInput;
  /** From 1; see `ffmpegArguments`. */
  readonly attempt: number;
  /** The ffmpeg to use and no other; see `locateFfmpeg`. */
  readonly binary?: string;
}

const schemes = { rtsp: ['rtsp:', 'rtsps:'], http: ['http:', 'https:'] } as const;

export class FfmpegSource implements Source {
  readonly #options: FfmpegSourceOptions;
  #child: Child | undefined;
  #stopping = false;
  #running: Promise<void> | undefined;

  constructor(options: FfmpegSourceOptions) {
    this.#options = options;
  }

  start(on: SourceEvents): void {
    this.#running ??= this.#run(on);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#child?.stop();
    await this.#running;
  }

  async #run(on: SourceEvents): Promise<void> {
    // Never before `start` has returned.
    await Promise.resolve();
    const cause = await this.#capture(on).catch((error: unknown) => this.#unexpected(error));
    on.ended(this.#stopping ? endCause('stopped', 'stopped on request') : cause);
  }

  async #capture(on: SourceEvents): Promise<EndCause> {
    const { input, binary } = this.#options;
    const fault = input.type === 'file' ? await fileFault(input.path) : urlFault(input.type, input.url);
    if (fault !== undefined) return fault;
    const located = await locateFfmpeg(binary);
    if (!located.ok) return endCause('ffmpeg_missing', located.detail);
    const addressed = located.build.resolvesHosts ? { ok: true as const, input } : await addressHost(input);
    if (!addressed.ok) return addressed.cause;
    if (this.#stopping) return endCause('stopped', 'stopped on request');
    return this.#read(located.build, addressed.input, on);
  }

  async #read({ path, dialect }: FfmpegBuild, input: FfmpegInput, on: SourceEvents): Promise<EndCause> {
    const args = ffmpegArguments({ input, attempt: this.#options.attempt, dialect });
    const child = spawnChild({ command: path, args, stdout: 'pipe', detached: true });
    this.#child = child;

    let hadPictures = false;
    let fault: EndCause | undefined;
    const parser = createMpjpegParser((encoded) => {
      const arrivedAtMs = performance.now();
      const picture = inspectJpeg(encoded);
      if (!picture.ok) throw new Error(`ffmpeg wrote a picture that is ${picture.reason}`);
      if (!hadPictures) on.opened();
      hadPictures = true;
      const { bytes, width, height } = picture;
      on.picture({ bytes, width, height, encoding: 'jpeg', arrivedAtMs });
    });
    child.stdout?.on('data', (chunk: Buffer) => {
      // What still comes is drained: a child that is blocked writing would not stop.
      if (this.#stopping || fault !== undefined) return;
      try {
        parser.push(chunk);
      } catch (error) {
        fault = this.#unexpected(error);
        void child.stop();
      }
    });

    const { code, signal } = await child.exited;
    const stderr = child.stderrTail();
    // Classified by the input as it was given: its secrets are the ones to be hidden.
    return (
      fault ??
      classifyEnd({ input: this.#options.input, code, signal, stderr, hadPictures, stoppedByUs: this.#stopping })
    );
  }

  #unexpected(error: unknown): EndCause {
    if (error instanceof SubprocessError && error.code === 'command_not_found') {
      return endCause('ffmpeg_missing', error.message);
    }
    const { input } = this.#options;
    const text = error instanceof Error ? error.message : String(error);
    return endCause('crashed', redact(text, input.type === 'file' ? undefined : input.url));
  }
}

function urlFault(type: 'rtsp' | 'http', url: string): EndCause | undefined {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined) return endCause('malformed_url', 'the URL is malformed');
  if (!schemes[type].some((scheme) => scheme === parsed.protocol) || parsed.hostname === '') {
    return endCause('malformed_url', `the URL is not one of ${schemes[type].join('//, ')}// with a host`);
  }
  return undefined;
}

async function fileFault(path: string): Promise<EndCause | undefined> {
  try {
    const found = await stat(path);
    if (found.isDirectory()) return endCause('file_unreadable', `${path} is a directory`);
    await access(path, constants.R_OK);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return endCause('file_missing', `there is no file ${path}`);
    return endCause('file_unreadable', `${path} cannot be read (${code})`);
  }
}
