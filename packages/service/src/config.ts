/**
 * Configuration: one definition per service, from which loading, checking, `--help` and the reference page all come.
 *
 *   C1  Values come from the environment alone, under names that start with `FRAME_BUFFER_`. An empty value counts as unset.
 *   C2  All faults are reported at once; each names the variable, what was given and what is allowed.
 *   C3  The value of a secret setting is never shown, and no URL is shown with its credentials.
 *   C4  A variable with our prefix that the service does not know is a warning, with the nearest known name.
 *
 * A schema says what it accepts by `.meta({ allowed: '…' })` where JSON Schema cannot.
 * Reading is pure: the environment is passed in, nothing is kept.
 */
import { redactUrls } from '@frame-buffer/telemetry';
import { z } from 'zod';
import { allowedValues, defaultText } from './config-reference.ts';
import { type UnknownVariable, unknownVariables } from './unknown-variables.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** How one setting is read and explained. */
export interface Setting<S extends z.ZodType = z.ZodType> {
  readonly variable: string;
  readonly schema: S;
  /** One sentence: what it changes. */
  readonly description: string;
  /** `ms`, `bytes`, `frames/s`… Nothing for names, URLs and flags. */
  readonly unit?: string;
  /** Its value is shown nowhere. */
  readonly secret?: boolean;
  /** The default in words, where it is computed. */
  readonly defaultText?: string;
}

export type Settings = Readonly<Record<string, Setting>>;

/** Reads a setting from `variable`. The schema gets a text, or undefined when the variable is unset or empty. */
export function setting<S extends z.ZodType>(
  variable: `FRAME_BUFFER_${string}`,
  schema: S,
  about: Omit<Setting, 'variable' | 'schema'>,
): Setting<S> {
  return { variable, schema, ...about };
}

type ValuesOf<S extends Settings> = { readonly [K in keyof S]: z.output<S[K]['schema']> };

/** A condition on several settings, checked once each of them is valid by itself. */
export interface ConfigRule<V> {
  /** Keys of the settings concerned. */
  readonly between: readonly (keyof V & string)[];
  /** What must hold, in words: "must be below FRAME_BUFFER_HIGH_WATERMARK". */
  readonly requirement: string;
  holds(values: V): boolean;
}

export interface ConfigDefinition<S extends Settings = Settings> {
  /** The service's name: a token, as in subjects. */
  readonly service: string;
  /** What the service is, in a sentence or two; the head of `--help`. */
  readonly summary: string;
  readonly settings: S;
  /** All settings as one object, by key. */
  readonly schema: z.ZodType<ValuesOf<S>>;
  readonly rules: readonly ConfigRule<ValuesOf<S>>[];
}

/** The configuration that a definition yields. */
export type ConfigOf<D> = D extends ConfigDefinition<infer S> ? ValuesOf<S> : never;

/** Throws a plain Error when two settings share a variable: a fault of the program, not of its user. */
export function defineConfig<const S extends Settings>(options: {
  readonly service: string;
  readonly summary: string;
  readonly settings: S;
  readonly rules?: readonly ConfigRule<ValuesOf<S>>[];
}): ConfigDefinition<S> {
  const { service, summary, settings, rules = [] } = options;
  const variables = Object.values(settings).map(({ variable }) => variable);
  const double = variables.find((variable, index) => variables.indexOf(variable) !== index);
  if (double !== undefined) throw new Error(`${service}: two settings read ${double}`);

  const shape = Object.fromEntries(Object.entries(settings).map(([key, { schema }]) => [key, schema]));
  return { service, summary, settings, rules, schema: z.object(shape) as unknown as z.ZodType<ValuesOf<S>> };
}

export interface ConfigFault {
  /** The variable, or several joined by ", " for a rule. */
  readonly variable: string;
  /** What was given, fit to be shown; undefined when unset. */
  readonly given: string | undefined;
  /** What is allowed. */
  readonly allowed: string;
}

export type ConfigResult<V> =
  | { readonly ok: true; readonly config: V; readonly warnings: readonly UnknownVariable[] }
  | { readonly ok: false; readonly faults: readonly ConfigFault[]; readonly warnings: readonly UnknownVariable[] };

/** Reads the configuration from `env`. Never throws for what a user can get wrong. */
export function loadConfig<S extends Settings>(
  definition: ConfigDefinition<S>,
  env: Environment,
): ConfigResult<ValuesOf<S>> {
  const known = Object.values(definition.settings).map(({ variable }) => variable);
  const warnings = unknownVariables(Object.keys(env), known);
  const raw = Object.fromEntries(
    Object.entries(definition.settings).map(([key, { variable }]) => [key, givenValue(env, variable)]),
  );
  const parsed = definition.schema.safeParse(raw);
  if (!parsed.success) {
    const keys = new Set(parsed.error.issues.map(({ path }) => String(path[0])));
    return { ok: false, faults: [...keys].flatMap((key) => faultOf(definition.settings[key], env)), warnings };
  }
  const config = parsed.data;
  const faults = definition.rules
    .filter((rule) => !rule.holds(config))
    .map((rule) =>
      ruleFault(
        rule.between.flatMap((key) => definition.settings[key] ?? []),
        rule.requirement,
        env,
      ),
    );
  return faults.length > 0 ? { ok: false, faults, warnings } : { ok: true, config, warnings };
}

/** One line per fault, for people. */
export function formatFaults(service: string, faults: readonly ConfigFault[]): string {
  const lines = faults.map(({ variable, given, allowed }) => {
    return `  ${variable} ${given === undefined ? 'is not set' : `is ${given}`}: ${allowed}`;
  });
  return [
    `${service}: the configuration has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}`,
    ...lines,
  ].join('\n');
}

/** The configuration as it may be logged: secrets and URL credentials replaced. */
export function publicConfig<S extends Settings>(
  definition: ConfigDefinition<S>,
  config: ValuesOf<S>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(definition.settings).map(([key, { secret }]) => {
      const value = (config as Record<string, unknown>)[key];
      return [key, secret && value !== undefined ? '***' : value];
    }),
  );
}

function faultOf(candidate: Setting | undefined, env: Environment): readonly ConfigFault[] {
  if (candidate === undefined) return [];
  return [
    { variable: candidate.variable, given: shown(candidate, env), allowed: `allowed is ${allowedValues(candidate)}` },
  ];
}

function ruleFault(concerned: readonly Setting[], requirement: string, env: Environment): ConfigFault {
  return {
    variable: concerned.map(({ variable }) => variable).join(', '),
    given: concerned.map((one) => shown(one, env) ?? `${defaultText(one) ?? 'unset'} (default)`).join(', '),
    allowed: requirement,
  };
}

function shown({ variable, secret }: Setting, env: Environment): string | undefined {
  const given = givenValue(env, variable);
  if (given === undefined) return undefined;
  if (secret) return '***';
  const text = JSON.stringify(redactUrls(given));
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}

/** Blank counts as unset: `FRAME_BUFFER_PORT= npm start` means the default, and no number is read from nothing. */
function givenValue(env: Environment, variable: string): string | undefined {
  return env[variable]?.trim() || undefined;
}
