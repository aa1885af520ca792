/** A service that does nothing, in the ways that the tests of the lifecycle need. */
import { z } from 'zod';
import { defineConfig, setting } from './config.ts';
import { runService } from './run-service.ts';
import { commonSettings, integer } from './settings.ts';

const definition = defineConfig({
  service: 'sample',
  summary: 'Does nothing, well.',
  settings: {
    ...commonSettings({ port: 0 }),
    behaviour: setting(
      'FRAME_BUFFER_BEHAVIOUR',
      z
        .enum(['good', 'hangsAtStart', 'failsAtStart', 'hangsAtStop', 'failsAtStop', 'throws', 'rejects'])
        .default('good'),
      { description: 'What it does.' },
    ),
    size: setting('FRAME_BUFFER_SIZE', integer(1, 9).default(1), { description: 'Of nothing.', unit: 'frames' }),
  },
});

await runService({
  definition,
  version: '1.2.3',
  process,
  start: async ({ config, log, serveHttp }) => {
    await serveHttp();
    switch (config.behaviour) {
      case 'hangsAtStart':
        log.info('sample.waiting');
        await new Promise(() => {});
        break;
      case 'failsAtStart':
        throw Object.assign(new Error('cannot open nats://u:s3cret@broker'), { code: 'broker_unreachable' });
      case 'throws':
        setImmediate(() => {
          throw new Error('nobody caught this');
        });
        break;
      case 'rejects':
        void Promise.reject(new Error('nobody caught this either'));
        break;
      default:
    }
    return {
      stop: async () => {
        log.info('sample.draining');
        if (config.behaviour === 'hangsAtStop') await new Promise(() => {});
        if (config.behaviour === 'failsAtStop') throw new Error('the last frame is stuck');
      },
    };
  },
});
