/** Reads the logs of scripted processors. */
import { existsSync, readFileSync } from 'node:fs';

export interface Handled {
  readonly frame: string;
  readonly camera: string;
  readonly epoch: number;
  readonly sequence: number;
  /** Wall clock at the handler's start. */
  readonly atMs: number;
  readonly ageMs: number;
  readonly queuedMs: number;
}

export function readHandled(file: string): Handled[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8').split('\n').filter(Boolean).map(parse);
}

function parse(line: string): Handled {
  const [frame = '', at, age, queued] = line.split(' ');
  const [camera = '', epoch, sequence] = frame.split('.');
  return {
    frame,
    camera,
    epoch: Number(epoch),
    sequence: Number(sequence),
    atMs: Number(at),
    ageMs: Number(age),
    queuedMs: Number(queued),
  };
}

/** The value below which a share of them lies; 0 for none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

export function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
