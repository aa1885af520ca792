/** The breaker's one definition, and the host of machines. */
export { type HostedActor, hostActor } from '@frame-buffer/actor-host';
export { admissible, type BreakerSettings, type BreakerState, breakerMachine } from '@frame-buffer/actors';
