/**
 * Logs: one JSON object a line, for machines first.
 *
 *   L1  Every line has `level`, `time` (ISO 8601, UTC), `service`, `instance` and a stable `event` (`camera.opened`).
 *   L2  Fields cannot overwrite these: a field of such a name is written as `field_<name>`.
 *   L3  Nothing secret and no bytes get out (see serialise.ts), and logging never throws.
 *   L4  A line below the level costs a comparison: its fields are not looked at.
 *
 * Lines are written synchronously, so the last line before an exit is never lost.
 */
import { pino } from 'pino';
import { redactUrls } from './redact.ts';
import { serialise } from './serialise.ts';

/** Levels from the quietest; `silent` writes nothing. */
export const logLevels = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;
export type LogLevel = (typeof logLevels)[number];

/** What belongs to one event. Errors go under `error`; units are a suffix of the name (`waited_ms`). */
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes one event. `event` is a constant of the code, `noun.pastTense`; what varies belongs into `fields`. */
export type LogEvent = (event: string, fields?: LogFields) => void;

export interface Logger {
  readonly fatal: LogEvent;
  readonly error: LogEvent;
  readonly warn: LogEvent;
  readonly info: LogEvent;
  readonly debug: LogEvent;
  readonly trace: LogEvent;
  /** A logger that adds `fields` to every line. */
  child(fields: LogFields): Logger;
}

export interface LoggerOptions {
  readonly service: string;
  /** The replica that speaks. */
  readonly instance?: string;
  /** Default `info`. */
  readonly level?: LogLevel;
  /** Where lines go; default: standard output. */
  readonly write?: (line: string) => void;
}

const reserved = new Set(['level', 'time', 'service', 'instance', 'event']);

/** A logger on standard output (or on `write`). */
export function createLogger(options: LoggerOptions): Logger {
  const { service, instance, level = 'info', write } = options;
  const settings: pino.LoggerOptions = {
    level,
    base: instance === undefined ? { service } : { service, instance },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  };
  // Not the default destination: pino's own opens lazily on fd 1 and this one drops lines quietly when the reader is gone.
  return wrap(pino(settings, write === undefined ? pino.destination({ dest: 1, sync: true }) : { write }), {});
}

/** A logger that writes nothing. */
export const silentLogger: Logger = {
  fatal: ignore,
  error: ignore,
  warn: ignore,
  info: ignore,
  debug: ignore,
  trace: ignore,
  child: () => silentLogger,
};

function ignore(): void {}

/** Bound fields are merged here, not by `pino.child`, which would write a name twice when a line repeats it. */
function wrap(target: pino.Logger, bound: Record<string, unknown>): Logger {
  const at =
    (level: Exclude<LogLevel, 'silent'>): LogEvent =>
    (event, fields) => {
      if (!target.isLevelEnabled(level)) return;
      target[level]({ event: redactUrls(event), ...bound, ...prepare(fields) });
    };
  return {
    fatal: at('fatal'),
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    trace: at('trace'),
    child: (fields) => wrap(target, { ...bound, ...prepare(fields) }),
  };
}

function prepare(fields: LogFields | undefined): Record<string, unknown> {
  if (fields === undefined) return {};
  const plain = serialise({ ...fields }) as Record<string, unknown>;
  const out: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(plain)) out[reserved.has(name) ? `field_${name}` : name] = value;
  return out;
}
