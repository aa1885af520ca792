import { BENCHES } from './benches.ts';
import { runCommand } from './command.ts';

process.exitCode = await runCommand(process.argv.slice(2), BENCHES, {
  out: (line) => process.stdout.write(`${line}\n`),
  error: (line) => process.stderr.write(`${line}\n`),
});
