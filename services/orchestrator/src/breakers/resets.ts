/**
 * Resets of route breakers, by hand: whichever orchestrator is asked resets its own and tells the others.
 *
 *   T1  Every orchestrator that is connected resets its breaker, milliseconds later.
 *   T2  It stands in EVENTS once, by whoever was asked: `route-breaker.reset`. The transitions that follow stand there too.
 *
 * The notice is a plain message: an orchestrator that is away at that moment keeps its state, and tries by itself after
 * `recoveryMs`.
 */
import type { EventLog } from '@frame-buffer/jetstream';
import { type BreakerResetNotice, breakerResetNoticeSchema, broadcast } from '@frame-buffer/protocol';
import { ProblemError } from '@frame-buffer/service';
import type { Logger } from '@frame-buffer/telemetry';
import type { NatsConnection } from '@nats-io/nats-core';
import type { BreakerView } from './route-breaker.ts';
import type { RouteBreakers } from './route-breakers.ts';

export interface ResetsOptions {
  readonly nc: NatsConnection;
  readonly breakers: Pick<RouteBreakers, 'reset' | 'view'>;
  readonly events: Pick<EventLog, 'record'>;
  readonly log: Logger;
  readonly self: string;
}

export class Resets {
  readonly #options: ResetsOptions;

  constructor(options: ResetsOptions) {
    this.#options = options;
    options.nc.subscribe(broadcast.routeBreakerReset, {
      callback: (error, message) => {
        if (error === null) this.#heard(message.data);
      },
    });
  }

  /** Resolves when the notice is at the broker. Throws 404 `processor_not_found`. */
  async reset(processor: string): Promise<BreakerView> {
    const { nc, breakers, events, self } = this.#options;
    const before = breakers.view(processor);
    if (before === undefined) throw new ProblemError(404, 'processor_not_found', `There is no processor ${processor}`);
    events.record({
      kind: 'route-breaker',
      id: processor,
      event: 'route-breaker.reset',
      from: before.state,
      cause: 'asked for',
    });
    breakers.reset(processor);
    const notice: BreakerResetNotice = { processor, by: self };
    nc.publish(broadcast.routeBreakerReset, JSON.stringify(notice));
    await nc.flush();
    return breakers.view(processor) ?? before;
  }

  #heard(data: Uint8Array): void {
    const { breakers, log, self } = this.#options;
    const notice = readNotice(data);
    if (notice === undefined) log.warn('route-breaker.notice_unreadable', { bytes: data.length });
    else if (notice.by !== self) breakers.reset(notice.processor);
  }
}

function readNotice(data: Uint8Array): BreakerResetNotice | undefined {
  try {
    return breakerResetNoticeSchema.safeParse(JSON.parse(new TextDecoder().decode(data))).data;
  } catch {
    return undefined;
  }
}
