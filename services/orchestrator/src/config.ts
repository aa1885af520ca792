import { commonSettings, defineConfig, integer, setting } from '@frame-buffer/service';

export const definition = defineConfig({
  service: 'orchestrator',
  summary: 'Dispatches frames from their lanes to processors with room.',
  settings: {
    ...commonSettings({ port: 8082 }),
    breakerFailures: setting('FRAME_BUFFER_BREAKER_FAILURES', integer(1, 1_000_000).default(5), {
      description: 'Tasks of a processor that fail in a row, over all its instances, until its route opens.',
      unit: 'tasks',
    }),
    breakerRecoveryMs: setting('FRAME_BUFFER_BREAKER_RECOVERY_MS', integer(10, 3_600_000).default(30_000), {
      description: 'How long an open route gets nothing before it is tried.',
      unit: 'ms',
    }),
    breakerTrialCalls: setting('FRAME_BUFFER_BREAKER_TRIAL_CALLS', integer(1, 1024).default(3), {
      description:
        'Tasks that all orchestrators together may have under way at a route that is tried; at least one each.',
      unit: 'tasks',
    }),
    breakerSuccesses: setting('FRAME_BUFFER_BREAKER_SUCCESSES', integer(1, 1_000_000).default(3), {
      description: 'Trials that succeed in a row until the route closes.',
      unit: 'tasks',
    }),
    breakerTrialMs: setting('FRAME_BUFFER_BREAKER_TRIAL_MS', integer(100, 3_600_000).default(60_000), {
      description: 'Trials that say nothing for so long have failed; longer than the slowest handler may take.',
      unit: 'ms',
    }),
  },
});
