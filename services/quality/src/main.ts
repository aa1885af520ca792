import { createProcessor } from '@frame-buffer/processor';
import { qualityOf } from './quality.ts';
import { SAMPLE_HEIGHT, SAMPLE_WIDTH, sampleOf } from './sample.ts';

const processor = createProcessor({
  name: 'quality',
  capabilities: ['quality'],
  concurrency: 2,
  timeoutMs: 15_000,
  async handle(frame) {
    const sample = await sampleOf(await frame.pixels());
    return qualityOf(sample, SAMPLE_WIDTH, SAMPLE_HEIGHT);
  },
});

await processor.run(process.env);
