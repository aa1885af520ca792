/**
 * The whole view: a state becomes lines. Pure.
 *
 *   V1  No line is wider than asked for (at least 60 columns), colours not counted.
 *   V2  Without colours there is not one escape sequence.
 *   V3  It fits the terminal's height down to 24 rows, by writing the ledger closer and showing fewer cameras, as long as there are
 *       no more than a handful of capabilities and processors.
 */
import { formatDuration } from '../duration.ts';
import { ledgerLines, ledgerParagraph } from './ledger-view.ts';
import { cut, type Paint, rate, wrapped } from './paint.ts';
import type { Snapshot } from './snapshot.ts';
import { sparkline } from './sparkline.ts';
import { cameraLines, capabilityLines, processorLines } from './tables.ts';

const NARROWEST = 60;
const WIDEST = 110;
const FEWEST_CAMERAS = 1;
/** Their second half says what to do, so they are written out; where room is scarce, the worst alone. */
const FAULTS_SHOWN = { faults: 3, linesEach: 3 };
const FAULTS_SHOWN_CLOSE = { faults: 1, linesEach: 2 };

export interface RenderOptions {
  /** Columns of the terminal. */
  readonly width: number;
  /** Rows of the terminal. */
  readonly height: number;
  readonly style: Paint;
}

export function renderView(snapshot: Snapshot, { width: columns, height, style }: RenderOptions): readonly string[] {
  const width = Math.min(Math.max(columns, NARROWEST), WIDEST);
  const all = layout(snapshot, snapshot.cameras.length, false, width, style);
  if (all.length < height) return all;
  const close = layout(snapshot, snapshot.cameras.length, true, width, style);
  const tooMany = Math.max(0, close.length - height + 1);
  if (tooMany === 0) return close;
  return layout(snapshot, Math.max(FEWEST_CAMERAS, snapshot.cameras.length - tooMany), true, width, style);
}

function layout(snapshot: Snapshot, cameras: number, isClose: boolean, width: number, style: Paint): readonly string[] {
  return [
    headline(snapshot, width, style),
    ...notices(snapshot, width, isClose, style),
    '',
    ...cameraLines(snapshot, width, cameras, style),
    '',
    ...capabilityLines(snapshot, style),
    '',
    ...processorLines(snapshot, style),
    '',
    style.dim('LEDGER (tasks of this run)'),
    ...(isClose ? ledgerParagraph(snapshot.ledger, width, style) : ledgerLines(snapshot.ledger, style)),
    ...hint(snapshot, style),
  ];
}

/** Name, time, throughput. */
function headline({ phase, elapsedMs, remainingMs, throughput }: Snapshot, width: number, style: Paint): string {
  const { bold, cyan, green, yellow } = style;
  const now = `${rate(throughput.at(-1))} results/s `;
  const isRunning = phase === 'running';
  const time = `${formatDuration(elapsedMs)}${remainingMs === undefined ? '' : `, ${formatDuration(remainingMs)} to go`}`;
  const around = `Frame Buffer  ${phase}    ${now}`.length;
  const shownTime = cut(time, width - around);
  const bars = sparkline(throughput, width - around - shownTime.length);
  return `${bold('Frame Buffer')}  ${isRunning ? green(phase) : yellow(phase)}  ${shownTime}  ${now}${cyan(bars)}`;
}

/** What is not as it should be: at the top, since a low terminal shows no bottom. */
function notices(
  { parts, faults, phase }: Snapshot,
  width: number,
  isClose: boolean,
  { red, yellow }: Paint,
): readonly string[] {
  const shown = isClose ? FAULTS_SHOWN_CLOSE : FAULTS_SHOWN;
  const written = faults.slice(0, shown.faults).flatMap((fault) => wrapped(`! ${fault}`, width, shown.linesEach));
  const away = parts.filter(({ state }) => state === 'waiting' || state === 'starting').map(({ name }) => name);
  const restarted = parts.filter(({ restarts }) => restarts > 0).map(({ name, restarts }) => `${name} ${restarts}×`);
  return [
    ...(away.length === 0 ? [] : [red(cut(`coming back: ${away.join(', ')}`, width))]),
    ...(restarted.length === 0 ? [] : [yellow(cut(`started again: ${restarted.join(', ')}`, width))]),
    // While it drains, services that are gone are meant to be gone.
    ...(phase !== 'running' ? [] : written.map((line) => yellow(line))),
  ];
}

function hint({ phase }: Snapshot, { dim }: Paint): readonly string[] {
  switch (phase) {
    case 'running':
      return ['', dim('Ctrl-C drains and ends')];
    case 'draining':
      return ['', dim('draining; Ctrl-C once more ends at once')];
    case 'ended':
      return [];
  }
}
