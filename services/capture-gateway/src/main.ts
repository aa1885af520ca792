import { runService } from '@frame-buffer/service';
import { definition } from './config.ts';
import { start } from './service.ts';

await runService({ definition, version: '0.1.0', process, start });
