/** Every benchmark, by name. A new one is a file that exports a `Bench`, and a line here. */
import type { Bench } from './bench.ts';
import { latencyBench } from './latency/latency.bench.ts';
import { routingBench } from './routing/routing.bench.ts';

export const BENCHES: readonly Bench[] = [routingBench, latencyBench];
