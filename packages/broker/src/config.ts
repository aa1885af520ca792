/**
 * The server's configuration file. Guarantees: every value that matters to Frame Buffer is in the file, so that what
 * runs can be read there; overrides win, section by section.
 */

const MEBIBYTE = 1024 * 1024;

/** What a nats-server configuration may hold. The file is JSON, which the server's own format contains. */
export type ConfigValue = string | number | boolean | readonly ConfigValue[] | ConfigSection;
export interface ConfigSection {
  readonly [key: string]: ConfigValue;
}

export interface ServerSettings {
  /** Folder for JetStream; the server makes `jetstream/` in it. */
  readonly storeDir: string;
  /** Without blanks (the server refuses them). Default `frame-buffer`. */
  readonly serverName?: string;
  /** Largest message in bytes. Default 8 MiB: a batch of pictures' upper bound; NATS advises against more. */
  readonly maxPayload?: number;
  /** Bytes that all file streams together may take. Default: the server's own, three quarters of the free disk. */
  readonly jetstreamMaxFile?: number;
  /** Bytes that all memory streams together may take. Default 256 MiB. */
  readonly jetstreamMaxMemory?: number;
  /** Merged into the result, sections key by key, e.g. `{ jetstream: { sync_interval: 'always' } }`. */
  readonly overrides?: ConfigSection;
}

export const DEFAULT_MAX_PAYLOAD = 8 * MEBIBYTE;

/** The text of the configuration file. Pure. */
export function renderConfig(settings: ServerSettings): string {
  const base: ConfigSection = {
    server_name: settings.serverName ?? 'frame-buffer',
    max_payload: settings.maxPayload ?? DEFAULT_MAX_PAYLOAD,
    jetstream: {
      store_dir: settings.storeDir,
      max_memory_store: settings.jetstreamMaxMemory ?? 256 * MEBIBYTE,
      ...(settings.jetstreamMaxFile === undefined ? {} : { max_file_store: settings.jetstreamMaxFile }),
    },
  };
  return `${JSON.stringify(merge(base, settings.overrides ?? {}), null, 2)}\n`;
}

function merge(base: ConfigSection, overrides: ConfigSection): ConfigSection {
  const merged: Record<string, ConfigValue> = { ...base };
  for (const [key, value] of Object.entries(overrides)) {
    const existing = merged[key];
    merged[key] = isSection(existing) && isSection(value) ? merge(existing, value) : value;
  }
  return merged;
}

function isSection(value: ConfigValue | undefined): value is ConfigSection {
  return typeof value === 'object' && !Array.isArray(value);
}
