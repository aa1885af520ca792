/**
 * Calls what an owner gave us from within the client's reader. An exception there would end the reading of the connection
 * silently; this way it is an uncaught exception of the process, as every other bug.
 */
export function guarded(call: () => void): void {
  try {
    call();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
