/** The process of a registry: everything that it does begins in service.ts. */
import process from 'node:process';
import { runService } from '@frame-buffer/service';
import { definition, VERSION } from './config.ts';
import { startRegistry } from './service.ts';

await runService({ definition, version: VERSION, process, start: startRegistry });
