import { createProcessor } from '@frame-buffer/processor';
import { MotionDetector } from './motion.ts';
import { thumbnailOf } from './thumbnail.ts';

const detector = new MotionDetector();

const processor = createProcessor({
  name: 'motion',
  capabilities: ['motion'],
  concurrency: 2,
  timeoutMs: 15_000,
  async handle(frame) {
    const thumbnail = await thumbnailOf(await frame.pixels());
    return detector.see(frame, thumbnail);
  },
});

await processor.run(process.env);
