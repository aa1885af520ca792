import { createProcessor } from '@frame-buffer/processor';

/** How large is the picture, and how bright is its middle byte? */
const processor = createProcessor({
  name: 'brightness',
  capabilities: ['brightness'],
  concurrency: 4,
  async handle(frame) {
    const picture = await frame.pixels();
    if (picture.length < 100) throw new Error('that is no picture');
    return { bytes: picture.length, middle: picture[picture.length >> 1] };
  },
});

await processor.run(process.env);
