/** The configuration explained: rows for the reference page and the text of `--help`, both from the definition. */
import { z } from 'zod';
import type { ConfigDefinition, Setting } from './config.ts';

/** One row of a reference table. */
export interface SettingRow {
  readonly variable: string;
  readonly description: string;
  /** What is accepted, with its bounds and unit. */
  readonly allowed: string;
  /** As it would be written in the environment; undefined when there is none. */
  readonly default: string | undefined;
  readonly unit: string | undefined;
  readonly required: boolean;
  readonly secret: boolean;
}

/** One row per setting, in the order of the definition. */
export function describeConfig(definition: Pick<ConfigDefinition, 'settings'>): SettingRow[] {
  return Object.values(definition.settings).map((setting) => ({
    variable: setting.variable,
    description: setting.description,
    allowed: allowedValues(setting),
    default: defaultText(setting),
    unit: setting.unit,
    required: !setting.schema.safeParse(undefined).success,
    secret: setting.secret ?? false,
  }));
}

/** What `--help` prints: what the service is, how it is stopped, and its settings. */
export function helpText(
  definition: Pick<ConfigDefinition, 'service' | 'summary' | 'settings'>,
  version: string,
): string {
  const settings = describeConfig(definition).map((row) => {
    const state = row.required ? 'required' : row.default === undefined ? 'optional' : `default ${row.default}`;
    return `  ${row.variable}\n      ${row.description}\n      ${row.allowed}; ${state}`;
  });
  return [
    `${definition.service} ${version}`,
    definition.summary,
    '',
    'Options: --help, --version. Everything else is set by environment variables:',
    '',
    settings.join('\n'),
    '',
    'SIGTERM or SIGINT drains and stops; a second one ends the process at once.',
    'Exit codes: 0 stopped as asked, 1 failed, 64 unknown option, 78 faulty configuration.',
    '',
  ].join('\n');
}

/** What a setting accepts, in words. */
export function allowedValues({ schema, unit }: Setting): string {
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  if (typeof json['allowed'] === 'string') return json['allowed'];
  if (json.enum !== undefined) return json.enum.join(' | ');
  if (json.type !== 'integer' && json.type !== 'number') return 'a text';

  const what = json.type === 'integer' ? 'a whole number' : 'a number';
  const from = json.minimum === undefined ? '' : ` from ${json.minimum}`;
  const to = json.maximum === undefined ? '' : ` to ${json.maximum}`;
  return `${what}${unit === undefined ? '' : ` of ${unit}`}${from}${to}`;
}

/** The default as it would be written in the environment, or undefined when there is none. */
export function defaultText({ schema, secret, defaultText: inWords }: Setting): string | undefined {
  if (inWords !== undefined) return inWords;
  const parsed = schema.safeParse(undefined);
  if (!parsed.success || parsed.data === undefined) return undefined;
  return secret ? '***' : String(parsed.data);
}
