/** A row of bars. */

const BARS = '▁▂▃▄▅▆▇█';

/** The last `width` values, one column each, from zero to the greatest of them. */
export function sparkline(values: readonly number[], width: number): string {
  const shown = width <= 0 ? [] : values.slice(-width);
  const top = Math.max(...shown, 0);
  return shown
    .map((value) => BARS[top === 0 ? 0 : Math.min(BARS.length - 1, Math.round((value / top) * (BARS.length - 1)))])
    .join('');
}
