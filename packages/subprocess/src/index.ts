export { findCommand } from './command.ts';
export { SubprocessError, type SubprocessErrorCode } from './errors.ts';
export type { GuardMode } from './launcher.ts';
export { type Child, type ChildExit, type SpawnChildOptions, spawnChild } from './spawn.ts';
