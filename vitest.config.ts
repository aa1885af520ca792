import { defineConfig } from 'vitest/config';

const outside = ['**/node_modules/**', '**/dist/**'];

/**
 * unit: no process, no socket. integration: a real nats-server per file. system: the real services as processes.
 * A file's name says which: `x.test.ts`, `x.integration.test.ts`, `tests/system/**`.
 */
export default defineConfig({
  test: {
    // The machines decide; nothing of them may go untried (npm run test:coverage).
    coverage: {
      include: ['packages/actors/src/**'],
      exclude: ['**/*.test.ts', '**/*.fixture.ts', '**/index.ts'],
      reporter: ['text'],
      thresholds: { 100: true },
    },
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            'packages/**/*.test.ts',
            'services/**/*.test.ts',
            'tests/architecture/**/*.test.ts',
            'tests/performance/**/*.test.ts',
          ],
          exclude: [...outside, '**/*.integration.test.ts'],
        },
      },
      {
        test: {
          name: 'integration',
          include: ['packages/**/*.integration.test.ts', 'services/**/*.integration.test.ts'],
          exclude: outside,
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'system',
          include: ['tests/system/**/*.test.ts'],
          exclude: outside,
          testTimeout: 120_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
