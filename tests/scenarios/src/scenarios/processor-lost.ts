/**
 * Two processors of one capability; one is killed with all its instances while its queue is full. How long until it is known to
 * be lost, how long until its queue is back in the lanes, and is every frame worked once by the other?
 */
import { join } from 'node:path';
import { type AuditEvent, subject } from '@frame-buffer/protocol';
import { makeTestFolder, Site, until } from '@frame-buffer/testkit';
import { readHandled, rounded } from '../handled-log.ts';
import { atMost, exactly, type Scenario } from '../scenario.ts';

const CAMERAS = 4;
const FPS = 15;
const DOOMED_INSTANCES = 2;

export const processorLost: Scenario = {
  name: 'processor-lost',
  summary: 'a processor is killed with all its instances and a full queue; another one takes over',
  async run({ progress }) {
    await using folder = await makeTestFolder('processor-lost');
    const logs = { doomed: join(folder.path, 'doomed.log'), heir: join(folder.path, 'heir.log') };
    await using site = await Site.start([
      'registry',
      'registry',
      'health-monitor',
      'orchestrator',
      'orchestrator',
      'capture-gateway',
    ]);
    const spawn = (name: keyof typeof logs) =>
      site.spawnEntry(name, join(import.meta.dirname, '../scripted-processor.ts'), {
        SCRIPT_NAME: name,
        SCRIPT_LOG: logs[name],
        SCRIPT_MS: '60',
        SCRIPT_CONCURRENCY: '4',
      });
    const doomed = [];
    for (let i = 0; i < DOOMED_INSTANCES; i++) doomed.push(await spawn('doomed'));
    await spawn('heir');
    const events = await follow(site, 'doomed');
    for (let i = 1; i <= CAMERAS; i++) {
      await site.addCamera(`cam-${i}`, { url: `test-pattern:?width=64&height=64&fps=${FPS}`, capabilities: ['work'] });
    }
    await until(() => readHandled(logs.doomed).length, {
      what: 'work to be under way',
      is: (count) => count > 60,
      timeoutMs: 30_000,
    });

    progress(`killing ${DOOMED_INSTANCES} instances of one processor`);
    for (const instance of doomed) instance.kill('SIGKILL');
    const killedAt = performance.now();
    const lost = await until(() => events.find(({ event }) => event.to === 'lost'), {
      what: 'it to be lost',
      timeoutMs: 15_000,
    });
    const detectS = rounded(((lost?.heardAt ?? 0) - killedAt) / 1000);
    progress(`lost after ${detectS} s`);
    const returned = await until(() => events.find(({ event }) => event.event === 'queue.returned'), {
      what: 'its queue to be returned',
      timeoutMs: 15_000,
    });
    const returnS = rounded(((returned?.heardAt ?? 0) - (lost?.heardAt ?? 0)) / 1000);
    progress(`queue returned ${returnS} s later (${returned?.event.cause ?? ''})`);

    await site.process('capture-gateway').stop();
    const { ledger } = await site.settled();
    const handled = [...readHandled(logs.doomed), ...readHandled(logs.heir)];
    const once = new Set(handled.map(({ frame }) => frame));
    const notProcessed = ledger.captured - ledger.processed;
    return {
      seconds_to_detect: detectS,
      seconds_to_reroute: returnS,
      captured: ledger.captured,
      processed: ledger.processed,
      lost: ledger.captured - once.size,
      handler_repeats: handled.length - once.size,
      goals: [
        atMost('seconds from the kill to lost', detectS, 3.5),
        atMost('seconds from lost to the queue returned', returnS, 5),
        exactly('frames that no handler finished', ledger.captured - once.size, 0),
        exactly('tasks not processed', notProcessed, 0),
        exactly('unaccounted', ledger.unaccounted, 0),
      ],
    };
  },
};

/** What the audit log says of one processor, from now on. */
async function follow(site: Site, processor: string): Promise<{ event: AuditEvent; heardAt: number }[]> {
  const nc = await site.broker.connect();
  const heard: { event: AuditEvent; heardAt: number }[] = [];
  nc.subscribe(subject.event('processor', processor), {
    callback: (_error, message) => {
      heard.push({ event: message.json<AuditEvent>(), heardAt: performance.now() });
    },
  });
  await nc.flush();
  return heard;
}
