#!/usr/bin/env node
/** The command `frame-buffer`: the only file here that touches the process. */
import process from 'node:process';
import { stripVTControlCharacters } from 'node:util';
import { defineCommand, renderUsage, runMain } from 'citty';
import manifest from '../package.json' with { type: 'json' };
import { DEV_EXAMPLES, devCommand } from './dev/command.ts';
import { DevError } from './dev/errors.ts';
import { parseDevOptions } from './dev/options.ts';
import { runDev } from './dev/run.ts';

const dev = devCommand(async (args) => {
  try {
    process.exitCode = await runDev(parseDevOptions(args, process.cwd()), {
      env: process.env,
      pid: process.pid,
      stdout: process.stdout,
      stderr: process.stderr,
      signals: process,
      exit: (code) => process.exit(code),
      onExit: (listener) => void process.once('exit', listener),
    });
  } catch (error) {
    if (!(error instanceof DevError)) throw error;
    process.stderr.write(`frame-buffer dev: ${error.message}\n`);
    process.exitCode = error.exitCode;
  }
});

const main = defineCommand({
  meta: {
    name: 'frame-buffer',
    version: manifest.version,
    description: 'A frame orchestrator for video analytics on NATS JetStream',
  },
  subCommands: { dev },
});

await runMain(main, {
  showUsage: async (command, parent) => {
    const examples = parent === undefined ? 'EXAMPLE\n\n  frame-buffer dev\n' : DEV_EXAMPLES;
    const usage = await renderUsage(command, parent);
    const isColoured = process.stdout.isTTY && !process.env['NO_COLOR'];
    process.stdout.write(`${isColoured ? usage : stripVTControlCharacters(usage)}\n\n${examples}`);
  },
});
