/** Two gateways share the cameras; one is killed. How long are its cameras unseen, and does every frame keep its account? */
import { join } from 'node:path';
import { makeTestFolder, type ServiceProcess, Site, until } from '@frame-buffer/testkit';
import { readHandled, rounded } from '../handled-log.ts';
import { atMost, exactly, type Scenario } from '../scenario.ts';

const CAMERAS = 6;
const FPS = 10;

interface CameraAnswer {
  readonly cameras: readonly { name: string; owned: boolean; epoch?: number; sequence?: number }[];
}

export const gatewayLost: Scenario = {
  name: 'gateway-lost',
  summary: 'two gateways, one killed: its cameras move to the other',
  async run({ progress }) {
    await using folder = await makeTestFolder('gateway-lost');
    const log = join(folder.path, 'handled.log');
    await using site = await Site.start(['registry', 'health-monitor', 'orchestrator', 'capture-gateway']);
    await site.spawnEntry('scripted', join(import.meta.dirname, '../scripted-processor.ts'), {
      SCRIPT_LOG: log,
      SCRIPT_MS: '0',
      SCRIPT_CONCURRENCY: '4',
    });
    const names = Array.from({ length: CAMERAS }, (_, i) => `cam-${i + 1}`);
    for (const name of names.slice(0, CAMERAS / 2)) await site.addCamera(name, camera());
    const victim = site.process('capture-gateway');
    await until(() => owned(victim), { what: 'the first gateway to own half', is: (own) => own.size === CAMERAS / 2 });
    const survivor = await site.spawn('capture-gateway');
    for (const name of names.slice(CAMERAS / 2)) await site.addCamera(name, camera());
    await until(async () => (await owned(victim)).size + (await owned(survivor)).size, {
      what: 'all cameras to be owned',
      is: (all) => all === CAMERAS,
    });
    await until(() => readHandled(log).length, { what: 'frames', is: (count) => count > 100, timeoutMs: 20_000 });

    const before = await owned(victim);
    progress(`killing the gateway that captures ${[...before.keys()].join(', ')}`);
    const killedAt = performance.now();
    victim.kill('SIGKILL');
    const movedAfter = new Map<string, number>();
    await until(
      async () => {
        for (const [name, { sequence }] of await owned(survivor)) {
          if (before.has(name) && sequence > 0 && !movedAfter.has(name))
            movedAfter.set(name, (performance.now() - killedAt) / 1000);
        }
        return movedAfter.size;
      },
      { what: 'the cameras to move', is: (size) => size === before.size, timeoutMs: 20_000 },
    );
    for (const [name, seconds] of movedAfter)
      progress(`${name} captured by the other gateway after ${seconds.toFixed(2)} s`);
    const after = await owned(survivor);
    const epochsGrew = [...before].every(([name, { epoch }]) => (after.get(name)?.epoch ?? 0) > epoch);

    await survivor.stop();
    const { ledger } = await site.settled();
    const handled = readHandled(log);
    const once = new Set(handled.map(({ frame }) => frame));
    const slowest = Math.max(...movedAfter.values());
    return {
      cameras: CAMERAS,
      moved: movedAfter.size,
      seconds_to_move: rounded(slowest),
      captured: ledger.captured,
      processed: ledger.processed,
      lost: ledger.captured - once.size,
      repeats: handled.length - once.size,
      goals: [
        atMost('seconds until the last camera moved', rounded(slowest), 5),
        exactly('frames lost', ledger.captured - once.size, 0),
        exactly('unaccounted', ledger.unaccounted, 0),
        exactly('epochs that did not grow', epochsGrew ? 0 : 1, 0),
      ],
    };
  },
};

function camera() {
  return { url: `test-pattern:?width=64&height=64&fps=${FPS}`, capabilities: ['work'] };
}

/** Cameras that a gateway captures, asked of itself. */
async function owned({ port }: ServiceProcess): Promise<Map<string, { epoch: number; sequence: number }>> {
  const answer = (await (await fetch(`http://127.0.0.1:${port}/api/v1/cameras`)).json()) as CameraAnswer;
  return new Map(
    answer.cameras.filter((each) => each.owned).map(({ name, epoch = 0, sequence = 0 }) => [name, { epoch, sequence }]),
  );
}
