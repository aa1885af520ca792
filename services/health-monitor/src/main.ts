import { runService } from '@frame-buffer/service';
import { definition } from './config.ts';
import { startService, VERSION } from './service.ts';

await runService({ definition, version: VERSION, process, start: startService });
