/** Every scenario, in the order in which `--list` names them. */
import type { Scenario } from './scenario.ts';
import { breakerTrip } from './scenarios/breaker-trip.ts';
import { gatewayLost } from './scenarios/gateway-lost.ts';
import { processorLost } from './scenarios/processor-lost.ts';
import { stickyRebalance } from './scenarios/sticky-rebalance.ts';
import { unequalFleet } from './scenarios/unequal-fleet.ts';

export const SCENARIOS: readonly Scenario[] = [unequalFleet, gatewayLost, processorLost, breakerTrip, stickyRebalance];
