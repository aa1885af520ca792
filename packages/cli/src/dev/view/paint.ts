/** Colours and columns. Text is fitted first and painted after: escape sequences have no width. */

export interface Paint {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly red: (text: string) => string;
  readonly cyan: (text: string) => string;
}

export function paint(hasColours: boolean): Paint {
  const style = (open: number, close: number) => (text: string) =>
    hasColours && text !== '' ? `\u001B[${open}m${text}\u001B[${close}m` : text;
  return {
    bold: style(1, 22),
    dim: style(2, 22),
    green: style(32, 39),
    yellow: style(33, 39),
    red: style(31, 39),
    cyan: style(36, 39),
  };
}

/** Exactly `width` columns: cut with an ellipsis, or filled up on the right. */
export function left(text: string, width: number): string {
  return cut(text, width).padEnd(width);
}

/** As `left`, filled up on the left. */
export function right(text: string, width: number): string {
  return cut(text, width).padStart(width);
}

/** At most `width` columns. */
export function cut(text: string, width: number): string {
  if (text.length <= width) return text;
  return width <= 0 ? '' : `${text.slice(0, width - 1)}…`;
}

/** Broken between words into at most `lines` lines of `width` columns, those after the first set in; what is left over is cut. */
export function wrapped(text: string, width: number, lines: number): readonly string[] {
  const done: string[] = [];
  let rest = text;
  while (rest.length > width && done.length < lines - 1) {
    const space = rest.lastIndexOf(' ', width);
    // No word ends in time, or only the indent would be left.
    const end = space > 2 ? space : width;
    done.push(rest.slice(0, end));
    rest = `  ${rest.slice(end).trimStart()}`;
  }
  return [...done, cut(rest, width)];
}

/** `12,345`; unknown is `–`. */
export function count(value: number | undefined): string {
  return value === undefined ? '–' : value.toLocaleString('en-US');
}

/** One decimal; unknown is `–`. */
export function rate(value: number | undefined): string {
  return value === undefined ? '–' : value.toFixed(1);
}

/** `24 ms`, `1.3 s`, `95 s`; unknown is `–`. */
export function age(ms: number | undefined): string {
  if (ms === undefined) return '–';
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  return ms < 10_000 ? `${(ms / 1_000).toFixed(1)} s` : `${Math.round(ms / 1_000)} s`;
}

/** Words of text that was made for machines: `backingOff` and `backing_off` are `backing off`. */
export function words(name: string): string {
  return name
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .replaceAll(/[_-]/g, ' ')
    .toLowerCase();
}
