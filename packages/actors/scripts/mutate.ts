/**
 * Mutates every guard and every delay of every machine, one at a time, and runs the machine's tests against each mutant.
 *
 *   pnpm -C packages/actors run mutate [machine…]
 *
 * Standard output: a table with the tests that turned red, and one line of JSON. Progress goes to standard error. The exit
 * code is 1 when a mutant survives, when the tests are red without any mutation, or when there is nothing to mutate.
 */
import { availableParallelism } from 'node:os';
import { type MachineName, machineNames, machines } from '../src/machines.ts';
import { Laboratory } from '../tests/mutation/laboratory.ts';
import { type Mutant, mutantsOf, namelessPartsOf } from '../tests/mutation/mutants.ts';

interface Finding {
  readonly mutant: Mutant;
  readonly red: readonly string[];
}

const began = performance.now();
const asked = process.argv.slice(2).filter((name) => name !== '--');
const names = machineNames.filter((name) => asked.length === 0 || asked.includes(name));
const unknown = asked.filter((name) => !machineNames.some((known) => known === name));
const faults = [
  ...unknown.map((name) => `there is no machine ${name}`),
  ...names.flatMap((name) => namelessPartsOf(machines[name])).map((part) => `${part} has no name`),
];

const mutants = names.flatMap((name) => mutantsOf(name, machines[name]));
const findings: Finding[] = [];
if (faults.length === 0) await examineAll();
report();

async function examineAll(): Promise<void> {
  const queue: readonly (Mutant | MachineName)[] = [...names, ...mutants];
  let next = 0;
  const work = async (): Promise<void> => {
    await using laboratory = await Laboratory.open();
    for (let job = queue[next++]; job !== undefined; job = queue[next++]) {
      if (typeof job === 'string') await control(laboratory, job);
      else findings.push({ mutant: job, red: (await laboratory.examine(job.machine, job)).red });
      process.stderr.write(`\r${next} of ${queue.length}, ${seconds()} s `);
    }
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), 4) }, work));
  process.stderr.write('\n');
}

/** Without any mutation the tests are green, or what they say of mutants means nothing. */
async function control(laboratory: Laboratory, name: MachineName): Promise<void> {
  const { red, tests } = await laboratory.examine(name, null);
  if (tests === 0) faults.push(`${name} has no tests`);
  for (const test of red) faults.push(`red without any mutation: ${test}`);
}

function report(): void {
  const order = new Map(mutants.map((mutant, index) => [mutant, index]));
  findings.sort((a, b) => (order.get(a.mutant) ?? 0) - (order.get(b.mutant) ?? 0));
  const survivors = findings.filter(({ red }) => red.length === 0);
  const lines = [
    '| machine | mutated | change | red | first of them |',
    '| --- | --- | --- | --- | --- |',
    ...findings.map(({ mutant, red }) => {
      const { machine, kind, name, change } = mutant;
      return `| ${machine} | ${kind} ${name} | ${change} | ${red.length} | ${red[0] ?? 'SURVIVED'} |`;
    }),
    ...faults.map((fault) => `fault: ${fault}`),
    JSON.stringify({
      mutants: findings.length,
      killed: findings.length - survivors.length,
      survived: survivors.map(({ mutant }) => `${mutant.machine} ${mutant.kind} ${mutant.name} ${mutant.change}`),
      faults,
      seconds: seconds(),
      machines: Object.fromEntries(names.map((name) => [name, countsOf(name)])),
      red: Object.fromEntries(
        findings.map(({ mutant: { machine, kind, name, change }, red }) => [
          `${machine} ${kind} ${name} ${change}`,
          red,
        ]),
      ),
    }),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  process.exitCode = survivors.length > 0 || faults.length > 0 || findings.length === 0 ? 1 : 0;
}

function countsOf(name: MachineName): { readonly mutants: number; readonly killed: number } {
  const own = findings.filter(({ mutant }) => mutant.machine === name);
  return { mutants: own.length, killed: own.filter(({ red }) => red.length > 0).length };
}

function seconds(): number {
  return Math.round((performance.now() - began) / 100) / 10;
}
