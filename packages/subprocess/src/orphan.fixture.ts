/** A parent for the orphan tests: starts `count` children, prints each pid on a line, and waits to be killed. */
import type { GuardMode } from './launcher.ts';
import { spawnChild } from './spawn.ts';

const [guard, count, ...command] = process.argv.slice(2);
const [name = 'sleep', ...args] = command;
for (let i = 0; i < Number(count); i++) {
  const child = spawnChild({ command: name, args, guard: guard as GuardMode });
  process.stdout.write(`${child.pid}\n`);
}
setInterval(() => {}, 1_000);
