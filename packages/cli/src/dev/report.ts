/** The end of a run: what it comes to, for programs and for people. */
import type { Ledger } from '@frame-buffer/protocol';
import type { DrainOutcome } from './drain.ts';
import { formatDuration } from './duration.ts';
import { ledgerSentence } from './view/ledger-view.ts';
import { rate } from './view/paint.ts';

export interface RunFigures {
  readonly outcome: DrainOutcome;
  /** How long the gateway captured, in ms. */
  readonly capturingMs: number;
  /** Frames wanted of each camera, by name; how many tasks a frame makes. */
  readonly tasksPerFrame: (camera: string) => number;
}

/** What `--json` prints. Counts are tasks of this run: one frame times one capability. */
export interface Report extends Pick<Ledger, 'ledger' | 'cameras' | 'capabilities' | 'exact'> {
  readonly seconds: number;
  readonly frames_per_s: number;
}

/** Undefined when no ledger was to be had at all. */
export function reportOf({ outcome: { ledger: last }, capturingMs, tasksPerFrame }: RunFigures): Report | undefined {
  if (last === undefined) return undefined;
  const { ledger, cameras, capabilities, exact } = last;
  const seconds = round(capturingMs / 1_000);
  const frames = Object.entries(cameras).reduce((sum, [name, { captured }]) => {
    return sum + captured / Math.max(1, tasksPerFrame(name));
  }, 0);
  return { ledger, seconds, frames_per_s: seconds > 0 ? round(frames / seconds) : 0, cameras, capabilities, exact };
}

/** Why the run counts as failed, a sentence; undefined when every task of it is accounted for. */
export function failureOf({ outcome }: Pick<RunFigures, 'outcome'>): string | undefined {
  if (!outcome.drained) return `The run did not drain in time: ${outcome.open}. The logs tell more.`;
  if (outcome.ledger.ledger.captured === 0) return 'Nothing was captured: no camera delivered a frame.';
  return undefined;
}

/** For people. */
export function summaryLines(report: Report, runMs: number): readonly string[] {
  const { ledger, frames_per_s, cameras } = report;
  const perCamera = Object.entries(cameras).map(
    ([name, { captured, processed }]) => `${name} ${processed} of ${captured}`,
  );
  return [
    `${formatDuration(runMs)}, ${rate(frames_per_s)} frames/s; tasks: ${ledgerSentence(ledger)}`,
    ...(perCamera.length === 0 ? [] : [`processed of captured: ${perCamera.join(', ')}`]),
  ];
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
