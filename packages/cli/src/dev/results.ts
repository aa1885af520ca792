/** What processors find, as it happens: the last result per camera and capability, and how old frames are when they are done. */
import { connect } from '@frame-buffer/jetstream';
import { anySubject, FrameBufferError, type Result, resultSchema } from '@frame-buffer/protocol';
import { DevError } from './errors.ts';
import { withoutCredentials } from './welcome.ts';

export interface LastResult {
  readonly camera: string;
  readonly capability: string;
  /** For people: a few words. */
  readonly text: string;
}

/** Ages of the last frames per capability that a median is taken of. */
const AGES_KEPT = 60;
const FIRST_CONNECT_MS = 5_000;

export class Results {
  readonly #last = new Map<string, LastResult>();
  readonly #ages = new Map<string, number[]>();
  #close: () => Promise<void> = async () => {};

  /** Also proves that the broker answers. Throws a DevError when it does not. */
  static async follow(natsUrl: string, name: string): Promise<Results> {
    const results = new Results();
    const nc = await connect({ servers: natsUrl, name, firstConnectMs: FIRST_CONNECT_MS }).catch((error: unknown) => {
      throw new DevError(whyNot(error, natsUrl), { cause: error });
    });
    nc.subscribe(anySubject.results, {
      callback: (error, message) => {
        if (error === null) results.receive(message.data);
      },
    });
    results.#close = () => nc.close();
    return results;
  }

  /** Sorted by camera, then capability. */
  get last(): readonly LastResult[] {
    return [...this.#last.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, result]) => result);
  }

  /** Median of the last frames, ms from capture to the end of the handler. */
  ageMs(capability: string): number | undefined {
    const ages = [...(this.#ages.get(capability) ?? [])].sort((a, b) => a - b);
    return ages[Math.floor(ages.length / 2)];
  }

  /** One message of RESULTS; what is no result is left alone. */
  receive(data: Uint8Array): void {
    const result = parse(data);
    if (result === undefined) return;
    const { camera, capability, ageMs } = result;
    this.#last.set(`${camera}\n${capability}`, { camera, capability, text: describeResult(result.result) });
    const ages = this.#ages.get(capability) ?? [];
    ages.push(ageMs);
    if (ages.length > AGES_KEPT) ages.shift();
    this.#ages.set(capability, ages);
  }

  close(): Promise<void> {
    return this.#close();
  }
}

function whyNot(error: unknown, natsUrl: string): string {
  if (error instanceof FrameBufferError && error.code === 'broker_unreachable') {
    return `no nats-server answers at ${withoutCredentials(natsUrl)}: start one there, or correct --nats-url.`;
  }
  return error instanceof Error ? `${error.message}.` : String(error);
}

function parse(data: Uint8Array): Result | undefined {
  try {
    return resultSchema.safeParse(JSON.parse(Buffer.from(data).toString('utf8'))).data;
  } catch {
    return undefined;
  }
}

/** `0.31`, `yes`; of an object what says most: its first number, else its first other field. */
export function describeResult(result: Result['result']): string {
  if (typeof result !== 'object' || result === null) return describeValue(result) ?? '–';
  const fields = Object.entries(result);
  const [name, value] = fields.find(([, field]) => typeof field === 'number') ?? fields[0] ?? [];
  const text = describeValue(value);
  if (text === undefined) return '…';
  // A score is what a score is of: its name would only take room.
  return name === undefined || name === 'score' ? text : `${name} ${text}`;
}

function describeValue(value: unknown): string | undefined {
  switch (typeof value) {
    case 'boolean':
      return value ? 'yes' : 'no';
    case 'string':
      return value.slice(0, 20);
    case 'number':
      return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(2)));
    default:
      return undefined;
  }
}
