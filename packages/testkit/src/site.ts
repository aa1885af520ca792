/**
 * A whole site for one test: a broker and the services as processes, driven from outside over HTTP and NATS.
 * Ports are free ones; everything ends with the scope.
 */
import { join } from 'node:path';
import { type Ledger, ledgerSchema } from '@frame-buffer/protocol';
import { type ServiceProcess, spawnService } from './service-process.ts';
import { startTestBroker, type TestBroker } from './test-broker.ts';
import { until } from './until.ts';

const ROOT = join(import.meta.dirname, '../../..');

export type ServiceName = 'registry' | 'capture-gateway' | 'orchestrator' | 'health-monitor' | 'motion' | 'quality';

export interface CameraRequest {
  readonly url: string;
  readonly capabilities: readonly string[];
  readonly priority?: number;
}

export class Site implements AsyncDisposable {
  readonly #natsUrl: string;
  readonly #processes: ServiceProcess[] = [];
  #broker: TestBroker | undefined;
  #names = 0;

  private constructor(natsUrl: string, broker?: TestBroker) {
    this.#natsUrl = natsUrl;
    this.#broker = broker;
  }

  /** A site whose broker is not there yet; set `broker` when it is. */
  static expecting(natsUrl: string): Site {
    return new Site(natsUrl);
  }

  get broker(): TestBroker {
    if (this.#broker === undefined) throw new Error('this site has no broker yet');
    return this.#broker;
  }

  set broker(broker: TestBroker) {
    this.#broker = broker;
  }

  /** A broker, and the services named, in that order. */
  static async start(services: readonly ServiceName[], options: { broker?: TestBroker } = {}): Promise<Site> {
    const broker = options.broker ?? (await startTestBroker());
    const site = new Site(broker.url, broker);
    try {
      for (const service of services) await site.spawn(service);
      return site;
    } catch (error) {
      await site[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** One more instance of a service or sample. */
  spawn(service: ServiceName, env: Record<string, string> = {}): Promise<ServiceProcess> {
    return this.spawnEntry(service, join(ROOT, 'services', service, 'src/main.ts'), env);
  }

  async spawnEntry(name: string, entry: string, env: Record<string, string> = {}): Promise<ServiceProcess> {
    const instance = `${name}-${++this.#names}`;
    const child = await spawnService({
      name: instance,
      entry,
      env: {
        FRAME_BUFFER_NATS_URL: this.#natsUrl,
        FRAME_BUFFER_PORT: '0',
        FRAME_BUFFER_INSTANCE: instance,
        FRAME_BUFFER_LOG_LEVEL: 'info',
        ...env,
      },
      readyTimeoutMs: 30_000,
    });
    this.#processes.push(child);
    return child;
  }

  /** The first live process of a service. */
  process(service: string): ServiceProcess {
    const found = this.#processes.find(({ name }) => name.startsWith(`${service}-`));
    if (found === undefined) throw new Error(`no ${service} was started`);
    return found;
  }

  url(service: string, path: string): string {
    return `http://127.0.0.1:${this.process(service).port}${path}`;
  }

  async get<T>(service: string, path: string): Promise<T> {
    const answer = await fetch(this.url(service, path));
    if (!answer.ok) throw new Error(`${service} ${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  async addCamera(name: string, camera: CameraRequest): Promise<void> {
    const answer = await fetch(this.url('capture-gateway', `/api/v1/cameras/${name}`), {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(camera),
    });
    if (!answer.ok) throw new Error(`camera ${name}: ${answer.status} ${await answer.text()}`);
  }

  async camera(
    name: string,
  ): Promise<{ state?: string; cause?: { code: string; detail: string } | null; sequence?: number; fps?: number }> {
    return this.get('capture-gateway', `/api/v1/cameras/${name}`);
  }

  async removeCamera(name: string): Promise<void> {
    await fetch(this.url('capture-gateway', `/api/v1/cameras/${name}`), { method: 'DELETE' });
  }

  push(camera: string, jpeg: Uint8Array): Promise<Response> {
    return fetch(this.url('capture-gateway', `/api/v1/cameras/${camera}/frames`), {
      method: 'POST',
      headers: { 'content-type': 'image/jpeg' },
      body: jpeg as Uint8Array<ArrayBuffer>,
    });
  }

  async ledger(): Promise<Ledger> {
    return ledgerSchema.parse(await this.get('health-monitor', '/api/v1/ledger?fresh=true'));
  }

  /** Waits until nothing is in flight any more, and returns the books. */
  settled(timeoutMs = 60_000): Promise<Ledger> {
    return until(() => this.ledger(), {
      what: 'nothing in flight',
      is: ({ ledger }) => ledger.in_flight === 0 && ledger.captured > 0,
      timeoutMs,
      intervalMs: 200,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Those who produce first.
    for (const child of this.#processes.reverse()) await child.stop();
    await this.#broker?.[Symbol.asyncDispose]();
  }
}
