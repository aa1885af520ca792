/** Resolves after `ms`, or as soon as one of the signals is aborted; never rejects. */
export function pause(ms: number, ...signals: readonly AbortSignal[]): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = () => {
    clearTimeout(timer);
    for (const signal of signals) signal.removeEventListener('abort', end);
    resolve();
  };
  const timer = setTimeout(end, ms);
  for (const signal of signals) {
    if (signal.aborted) end();
    else signal.addEventListener('abort', end);
  }
  return promise;
}
