/** Runs a machine's tests against a mutant, in this process's vitest, over and over. */
import { resolve } from 'node:path';
import { createVitest, type TestModule, type TestSpecification, type Vitest } from 'vitest/node';
import type { Mutant } from './mutants.ts';

declare module 'vitest' {
  interface ProvidedContext {
    readonly mutant: Mutant | null;
  }
}

const ROOT = resolve(import.meta.dirname, '../..');

export interface Verdict {
  /** Names of the tests that failed in the first file where any did, file first; a file that does not load is one. */
  readonly red: readonly string[];
  /** How many were run. */
  readonly tests: number;
}

export class Laboratory implements AsyncDisposable {
  readonly #vitest: Vitest;

  private constructor(vitest: Vitest) {
    this.#vitest = vitest;
  }

  /** With one worker: run two for two cores. */
  static async open(): Promise<Laboratory> {
    const vitest = await createVitest(
      'test',
      {
        config: false,
        root: ROOT,
        watch: false,
        include: ['src/**/*.test.ts', 'tests/**/*.test.ts'],
        setupFiles: [resolve(import.meta.dirname, 'setup.ts')],
        reporters: [{}],
        // Isolated: each test file gets machines that no earlier mutant has touched.
        pool: 'threads',
        isolate: true,
        maxWorkers: 1,
        provide: { mutant: null },
      },
      { clearScreen: false, logLevel: 'error' },
    );
    return new Laboratory(vitest);
  }

  /**
   * The tests of the machine's folder, and those in `tests` that begin with its name, file by file, the quick ones first.
   * The first red file ends it, so that killing a mutant is cheap.
   */
  async examine(machine: string, mutant: Mutant | null): Promise<Verdict> {
    this.#vitest.provide('mutant', mutant);
    const files = (await this.#vitest.globTestSpecifications())
      .filter(({ moduleId }) => moduleId.includes(`/src/${machine}/`) || moduleId.includes(`/tests/${machine}.`))
      .sort((a, b) => costOf(a) - costOf(b));
    let tests = 0;
    for (const file of files) {
      const { testModules } = await this.#vitest.runTestSpecifications([file]);
      // What is returned holds the modules of earlier runs too.
      const module = testModules.find(({ moduleId }) => moduleId === file.moduleId);
      if (module === undefined) throw new Error(`${file.moduleId} was not run`);
      const outcome = outcomeOf(module);
      tests += outcome.tests;
      if (outcome.red.length > 0) return { red: outcome.red, tests };
    }
    return { red: [], tests };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#vitest.close();
  }
}

/** Tables are quick and kill most; properties are slow. */
function costOf({ moduleId }: TestSpecification): number {
  if (moduleId.endsWith('.machine.test.ts')) return 0;
  return moduleId.endsWith('.properties.test.ts') ? 2 : 1;
}

function outcomeOf(module: TestModule): Verdict {
  const tests = [...module.children.allTests()];
  const failed = tests.filter((test) => test.result().state === 'failed').map((test) => test.fullName);
  const broken = module.errors().length > 0 ? ['(does not load)'] : [];
  const file = module.moduleId.slice(module.moduleId.lastIndexOf('/') + 1);
  return { red: [...broken, ...failed].map((name) => `${file} > ${name}`), tests: tests.length };
}
