/** A processor whose handler blocks its event loop for as many milliseconds as the frame's attribute says. */
import { createProcessor } from '@frame-buffer/processor';

await createProcessor({
  name: 'blocking',
  capabilities: ['motion'],
  handle(frame) {
    const blockMs = Number(frame.attributes['blockMs'] ?? 0);
    // Asleep, not spinning: for the event loop it is the same.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, blockMs);
    return { blockMs };
  },
}).run(process.env);
