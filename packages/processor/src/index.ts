export type { Environment } from './environment.ts';
export type { Frame } from './frame.ts';
export type { DrainReport } from './instance.ts';
export type {
  BatchHandler,
  BatchProcessorOptions,
  BreakerOptions,
  FrameHandler,
  FrameProcessorOptions,
  HandlerResult,
  ProcessorOptions,
} from './options.ts';
export { createProcessor, type Processor } from './processor.ts';
export type { ProcessorStats } from './stats.ts';
export { TerminalError } from './work/terminal-error.ts';
