/** `frame-buffer dev` as a command: its words for people. */
import { defineCommand } from 'citty';
import { devArguments } from './options.ts';

export const DEV_EXAMPLES = `EXAMPLES

  frame-buffer dev
      Three test-pattern cameras, until Ctrl-C. What is stored stays: the next start goes on with it.

  frame-buffer dev --camera rtsp://user:password@192.168.1.20/stream1 --camera yard=file:///videos/yard.mp4
      Two more cameras, named camera-1 and yard. RTSP, HTTP and files need ffmpeg.

  frame-buffer dev --cameras 0 --camera rtsp://192.168.1.20/stream1
      That camera alone.

  frame-buffer dev --for 15s --json
      For programs: 15 seconds, then the ledger as one line of JSON on stdout.

  frame-buffer dev --port-base 0 --data /tmp/second
      Beside another one: free ports, a folder of its own.

EXIT CODES

  0    every task of this run has its outcome, and there was at least one
  1    something could not start, or a task is not accounted for; stderr says what
  64   the command line cannot be meant
  130  ended by a second Ctrl-C, or by one before everything was ready
`;

/** `run` gets the arguments as they were written: see parseDevOptions for what they mean. */
export function devCommand(run: (args: readonly string[]) => Promise<void>) {
  return defineCommand({
    meta: {
      name: 'dev',
      description:
        'Runs the whole system on this machine: broker, services, sample processors and test-pattern cameras',
    },
    args: devArguments,
    run: ({ rawArgs }) => run(rawArgs),
  });
}
