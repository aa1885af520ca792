/**
 * The policies in force, as KV `capabilities` holds them.
 *
 *   P1  A change is in force as soon as it is read; `policy.applied` in EVENTS says so.
 *   P2  A record that cannot be read changes nothing: the policy before stays in force, and `policy.refused` says why.
 */
import type { Following, JsonBucket } from '@frame-buffer/jetstream';
import { type AuditEvent, isToken, type Policy } from '@frame-buffer/protocol';
import type { Logger } from '@frame-buffer/telemetry';

export interface PoliciesOptions {
  /** Opens the bucket. It must tell `onInvalid` of a record that cannot be read before it tells the follower. */
  readonly open: (onInvalid: (key: string, detail: string) => void) => Promise<Pick<JsonBucket<Policy>, 'watch'>>;
  readonly events: { record(event: Omit<AuditEvent, 'at' | 'by'>): void };
  readonly log: Pick<Logger, 'info' | 'error'>;
}

export class Policies {
  readonly #options: PoliciesOptions;
  readonly #policies = new Map<string, Policy>();
  #following: Following | undefined;
  /** What the bucket has just called invalid, and why. */
  #invalid: { readonly key: string; readonly detail: string } | undefined;
  #listener: () => void = () => {};

  private constructor(options: PoliciesOptions) {
    this.#options = options;
  }

  /** Resolves when everything that the bucket held is here. */
  static async follow(options: PoliciesOptions): Promise<Policies> {
    const policies = new Policies(options);
    const bucket = await options.open((key, detail) => {
      policies.#invalid = { key, detail };
    });
    let isInitial = true;
    const following = await bucket.watch((key, stored) => policies.#apply(key, stored?.value, isInitial));
    policies.#following = following;
    await following.initial;
    isInitial = false;
    return policies;
  }

  /** By capability; those without a policy have the default. */
  get current(): ReadonlyMap<string, Policy> {
    return this.#policies;
  }

  /** Told after each change that is in force. */
  onChange(listener: () => void): void {
    this.#listener = listener;
  }

  stop(): void {
    this.#following?.stop();
  }

  #apply(capability: string, policy: Policy | undefined, isInitial: boolean): void {
    const invalid = this.#invalid;
    this.#invalid = undefined;
    if (!isToken(capability)) {
      this.#options.log.error('policy.refused', { capability, detail: 'this is not the name of a capability' });
      return;
    }
    if (policy === undefined && invalid?.key === capability) {
      this.#options.log.error('policy.refused', { capability, detail: invalid.detail });
      this.#record(capability, 'policy.refused', invalid.detail.slice(0, 1000));
      return;
    }
    if (policy === undefined) this.#policies.delete(capability);
    else this.#policies.set(capability, policy);
    if (!isInitial) {
      this.#options.log.info('policy.applied', { capability, policy: policy ?? 'default' });
      this.#record(
        capability,
        'policy.applied',
        policy === undefined ? 'removed: the default' : JSON.stringify(policy),
      );
    }
    this.#listener();
  }

  #record(id: string, event: string, cause: string): void {
    this.#options.events.record({ kind: 'capability', id, event, cause });
  }
}
