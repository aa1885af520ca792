export * from './effects.ts';
export * from './host.ts';
export * from './hosted-actor.ts';
export { ACTOR_SCHEMA, type ActorStore } from './keeper.ts';
export { stateName, type Transition } from './transitions.ts';
