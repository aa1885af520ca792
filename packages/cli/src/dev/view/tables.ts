/** The tables of the view. Each is as wide as asked for, at least 60 columns. */
import type { CameraState } from '../cameras.ts';
import type { LastResult } from '../results.ts';
import { age, count, cut, left, type Paint, rate, right, words } from './paint.ts';
import type { CapabilityRow, ProcessorRow, Snapshot } from './snapshot.ts';

type Tables = Pick<Snapshot, 'cameras' | 'capabilities' | 'processors' | 'results'>;

const CAMERA_COLUMNS = 42;

/** At most `most` rows; the rest is counted. */
export function cameraLines(
  { cameras, results }: Tables,
  width: number,
  most: number,
  style: Paint,
): readonly string[] {
  const rest = width - CAMERA_COLUMNS;
  const heading = `${left('CAMERA', 13)}${left('STATE', 13)}${right('FPS', 5)}  ${left('PICTURE', 9)} ${cut('LAST RESULTS', rest - 1)}`;
  const shown = cameras.length <= most ? cameras : cameras.slice(0, most - 1);
  const rows = shown.map((camera) => cameraLine(camera, results, rest, style));
  if (shown.length < cameras.length) rows.push(style.dim(`and ${cameras.length - shown.length} more`));
  return [style.dim(heading), ...(rows.length === 0 ? ['none; add one with --camera URL'] : rows)];
}

function cameraLine(camera: CameraState, results: readonly LastResult[], rest: number, style: Paint): string {
  const { name, state, fps, width, height } = camera;
  const isStreaming = state === 'streaming';
  const size = width && height ? `${width}×${height}` : '–';
  const paintState = isStreaming ? style.green : style.yellow;
  return (
    `${left(name, 12)} ${paintState(left(state === undefined ? 'elsewhere' : words(state), 12))} ` +
    `${right(rate(fps), 5)}  ${left(size, 9)} ${news(camera, results, rest - 1, style)}`.trimEnd()
  );
}

/** What was found in its pictures, or why there are none. */
function news(
  { name, state, cause }: CameraState,
  results: readonly LastResult[],
  width: number,
  { dim, yellow }: Paint,
): string {
  if (state !== 'streaming' && cause !== undefined) return yellow(cut(words(cause), width));
  const own = results.filter(({ camera }) => camera === name).map(({ capability, text }) => `${capability} ${text}`);
  return own.length === 0 ? dim('–') : cut(own.join(' · '), width);
}

export function capabilityLines({ capabilities }: Tables, { dim, yellow }: Paint): readonly string[] {
  const heading = `${left('CAPABILITY', 14)}${right('WAITING', 10)}${right('DONE/S', 9)}${right('CAPTURE TO RESULT', 27)}`;
  return [
    dim(heading),
    ...capabilities.map(({ name, waiting, processedPerSecond, ageMs }: CapabilityRow) => {
      const depth = right(count(waiting), 10);
      return `${left(name, 14)}${(waiting ?? 0) > 100 ? yellow(depth) : depth}${right(rate(processedPerSecond), 9)}${right(age(ageMs), 27)}`;
    }),
  ];
}

export function processorLines({ processors }: Tables, { dim, red }: Paint): readonly string[] {
  const heading = `${left('PROCESSOR', 14)}${right('INSTANCES', 10)}${right('DONE/S', 9)}${right('IN HAND / ROOM', 16)}${right('PER FRAME', 11)}`;
  return [
    dim(heading),
    ...processors.map(
      ({ name, instances, outstanding, window, inFlight, processedPerSecond, serviceMs }: ProcessorRow) => {
        const load = `${count(outstanding ?? inFlight)} / ${count(window)}`;
        const replicas = right(count(instances), 10);
        return `${left(name, 14)}${instances === 0 ? red(replicas) : replicas}${right(rate(processedPerSecond), 9)}${right(load, 16)}${right(age(serviceMs), 11)}`;
      },
    ),
  ];
}
