/** What a service says to the world around its process: exit codes, messages to an IPC parent, words on standard error. */
import { writeSync } from 'node:fs';
import { redactUrls } from '@frame-buffer/telemetry';

/** Source: sysexits.h for 64 and 78; 128 + signal number, as shells do. */
export const exitCode = {
  stopped: 0,
  failed: 1,
  usage: 64,
  config: 78,
  interrupted: 130,
  terminated: 143,
} as const;

/** Two signals closer together than this are one wish. */
export const forceExitAfterMs = 250;

/** What a parent hears over IPC, exactly one of them per start. */
export type ParentMessage =
  | { readonly type: 'ready'; readonly service: string; readonly port?: number }
  | { readonly type: 'failed'; readonly service: string; readonly code: string; readonly message: string };

/** Resolves when the message is on its way, or when there is no parent to hear it. Never rejects. */
export async function tellParent(process: NodeJS.Process, message: ParentMessage): Promise<void> {
  if (process.send === undefined || !process.connected) return;
  const sent = Promise.withResolvers<void>();
  const fit = message.type === 'failed' ? { ...message, message: redactUrls(message.message) } : message;
  process.send(fit, undefined, undefined, () => sent.resolve());
  await sent.promise;
}

/** Prints on standard error, at once and whatever happens next; without credentials. */
export function printError(text: string): void {
  try {
    writeSync(2, redactUrls(text));
  } catch {
    // Nobody reads it: the log has it too.
  }
}
