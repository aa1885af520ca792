/** The settings of the health-monitor. */
import { commonSettings, defineConfig, integer, setting } from '@frame-buffer/service';

export const definition = defineConfig({
  service: 'health-monitor',
  summary:
    'Says how the system is and what became of every frame: health of broker, streams, services and processors; the ledger over SETTLEMENTS.',
  settings: {
    ...commonSettings({ port: 8080 }),
    ledgerIntervalMs: setting('FRAME_BUFFER_LEDGER_INTERVAL_MS', integer(1_000, 600_000).default(5_000), {
      description:
        'How often the ledger is balanced while nobody asks for it; while somebody does, every 2 s at least.',
      unit: 'ms',
    }),
    ledgerExactMessages: setting('FRAME_BUFFER_LEDGER_EXACT_MESSAGES', integer(100, 100_000).default(2_000), {
      description:
        'Up to how many messages in FRAMES and WORK the tasks in flight are counted one by one; above, they are estimated.',
      unit: 'messages',
    }),
  },
});
