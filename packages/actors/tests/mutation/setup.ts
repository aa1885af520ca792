/** Runs before each test file of a mutation run: from here on the machine is the mutant. */
import fc from 'fast-check';
import { inject } from 'vitest';
import { type MachineName, machines } from '../../src/machines.ts';
import { mutate } from './mutants.ts';

// The same cases for every mutant, and the first counterexample will do.
fc.configureGlobal({ seed: 1, numRuns: 50, endOnFailure: true });

const mutant = inject('mutant');
if (mutant !== null) {
  const machine = machines[mutant.machine as MachineName];
  // A mutant may go in circles; that is an error, and not for ever.
  Object.assign(machine.config, { options: { maxIterations: 200 } });
  Object.assign(machine.options, { maxIterations: 200 });
  mutate(machine, mutant);
}
