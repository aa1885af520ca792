/**
 * The routing core, for what measures or simulates it: the same code that the service runs. It needs no broker.
 */
export { Credits } from './credit/credits.ts';
export { type Choice, choose, type Decision } from './dispatch/choose.ts';
export { buildRouteTable, type RouteTable, type RouteTableInputs } from './routes/route-table.ts';
export { Broadcast } from './strategies/broadcast.ts';
export { candidateOf } from './strategies/strategy.ts';
