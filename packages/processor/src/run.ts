/** The life of a process that is a processor: signals, the parent's IPC channel, and the exit. */
import type { Environment } from './environment.ts';
import type { Processor } from './processor.ts';

/** How long a process may linger after its drain when calls that never end keep it alive. */
const LINGER_MS = 1_000;

export async function runProcess(processor: Processor, env: Environment): Promise<void> {
  let isStopping = false;
  const stop = () => {
    isStopping = true;
    void processor.drain();
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  // A parent that is gone cannot stop us any more.
  process.once('disconnect', stop);
  try {
    await processor.start(env).catch((error: unknown) => {
      // Told to stop while waiting for broker or registry: that is an end like any other.
      if (!isStopping) throw error;
    });
    if (!isStopping) tellParent();
    const { abandonedCalls } = await (isStopping ? processor.drain() : processor.ended);
    if (abandonedCalls > 0) setTimeout(() => process.exit(), LINGER_MS).unref();
  } finally {
    process.off('SIGTERM', stop);
    process.off('SIGINT', stop);
    // The last listener gone, the channel no longer keeps this process alive.
    process.off('disconnect', stop);
  }
}

function tellParent(): void {
  if (process.connected) process.send?.({ type: 'ready' });
}
