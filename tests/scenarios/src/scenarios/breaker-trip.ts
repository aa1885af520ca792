/**
 * A gpu does all the work, a cpu stands behind it, two orchestrators send. The gpu's handler begins to fail, and later recovers.
 * How soon does each orchestrator leave the gpu alone, what does it cost, and how soon is it back?
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type AuditEvent, anySubject, eventSchema } from '@frame-buffer/protocol';
import { makeTestFolder, Site, until } from '@frame-buffer/testkit';
import { readHandled, rounded } from '../handled-log.ts';
import { atLeast, atMost, exactly, type Scenario } from '../scenario.ts';

const CAMERAS = 4;
const FPS = 25;
/** Of routes and of the gpu's own breaker. The default is 30 s. */
const RECOVERY_MS = 5_000;
/** Tried at least once while it still fails. */
const FAILING_MS = 8_000;
const FAILURES_TO_OPEN = 5;
const TRIAL_CALLS = 3;
/** The gpu's own and the routes', within `FAILING_MS`. */
const TRIAL_ROUNDS = 2;

const script = join(import.meta.dirname, '../scripted-processor.ts');

export const breakerTrip: Scenario = {
  name: 'breaker-trip',
  summary: 'gpu → cpu, two orchestrators: the gpu fails for a while',
  async run({ progress }) {
    await using folder = await makeTestFolder('breaker-trip');
    const file = (name: string) => join(folder.path, name);
    const failing = file('failing');
    await using site = await Site.start(['registry', 'health-monitor']);
    const orchestrators: string[] = [];
    for (let i = 0; i < 2; i++) {
      const env = { FRAME_BUFFER_BREAKER_RECOVERY_MS: String(RECOVERY_MS) };
      orchestrators.push((await site.spawn('orchestrator', env)).name);
    }
    await site.spawn('capture-gateway');
    for (const [name, ms] of [
      ['gpu', '10'],
      ['cpu', '20'],
    ] as const) {
      await site.spawnEntry(name, script, {
        SCRIPT_NAME: name,
        SCRIPT_LABEL: name,
        SCRIPT_MS: ms,
        SCRIPT_CONCURRENCY: '4',
        SCRIPT_LOG: file(name),
        SCRIPT_FAILED_LOG: file(`${name}-failed`),
        SCRIPT_BREAKER_RECOVERY_MS: String(RECOVERY_MS),
        ...(name === 'gpu' ? { SCRIPT_FAIL_WHILE: failing } : {}),
      });
    }
    await setPolicy(site);
    const changes = await followChanges(site);
    /** Seconds from `since` until each orchestrator's route breaker came into that state. */
    const secondsTo = async (to: string, since: number): Promise<number[]> => {
      const found = await until(() => changes.filter((one) => one.to === to && Date.parse(one.at) >= since), {
        what: `both routes to be ${to}`,
        is: (all) => new Set(all.map(({ by }) => by)).size === orchestrators.length,
        timeoutMs: 30_000,
      });
      return orchestrators.map((by) => (Date.parse(found.find((one) => one.by === by)?.at ?? '') - since) / 1000);
    };
    for (let i = 1; i <= CAMERAS; i++) {
      await site.addCamera(`cam-${i}`, { url: `test-pattern:?width=64&height=64&fps=${FPS}`, capabilities: ['work'] });
    }
    await until(() => readHandled(file('gpu')).length, {
      what: 'the gpu to work',
      is: (count) => count > 200,
      timeoutMs: 20_000,
    });

    progress('the gpu begins to fail');
    writeFileSync(failing, '');
    const failures = await until(() => readHandled(file('gpu-failed')), {
      what: 'failures',
      is: (all) => all.length >= FAILURES_TO_OPEN,
      timeoutMs: 10_000,
    });
    const firstAt = failures[0]?.atMs ?? 0;
    const lastStrawAt = failures[FAILURES_TO_OPEN - 1]?.atMs ?? 0;
    const opened = await secondsTo('open', firstAt);
    const lastOpenedAt = firstAt + 1000 * Math.max(...opened);
    progress(`routes open after ${opened.map((s) => s.toFixed(3)).join(' and ')} s`);
    await wait(FAILING_MS);
    const failed = readHandled(file('gpu-failed'));
    const untilOpen = failed.filter(({ atMs }) => atMs <= lastOpenedAt).length;
    const reopened = changes.filter((one) => one.from === 'halfOpen' && one.to === 'open').length;
    const byCpu = readHandled(file('cpu')).filter(({ atMs }) => atMs >= lastOpenedAt).length;

    rmSync(failing);
    const healedAt = Date.now();
    progress(`the gpu works again; until now it failed at ${failed.length} tasks, the cpu did ${byCpu}`);
    const recovered = await secondsTo('closed', healedAt);
    progress(`routes closed after ${recovered.map((s) => s.toFixed(3)).join(' and ')} s`);
    const backAt = Date.now();
    const since = (name: string) => readHandled(file(name)).filter(({ atMs }) => atMs >= backAt).length;
    await until(() => since('gpu'), { what: 'the gpu to work', is: (count) => count > 100, timeoutMs: 10_000 });

    await site.process('capture-gateway').stop();
    const { ledger } = await site.settled();
    const once = new Set([...readHandled(file('gpu')), ...readHandled(file('cpu'))].map(({ frame }) => frame));
    const lost = ledger.captured - once.size - ledger.dead_lettered;
    const spread = Math.abs((opened[0] ?? 0) - (opened[1] ?? 0));
    const afterLastStraw = Math.max(...opened) - (lastStrawAt - firstAt) / 1000;
    return {
      offered_per_s: CAMERAS * FPS,
      recovery_s: RECOVERY_MS / 1000,
      seconds_to_open: opened.map(rounded),
      seconds_from_fifth_failure_to_open: rounded(afterLastStraw),
      spread_s: rounded(spread),
      failed_at_gpu_until_open: untilOpen,
      failed_at_gpu_in_trials: failed.length - untilOpen,
      reopened_after_trials: reopened,
      done_by_cpu_per_s_while_open: rounded((byCpu * 1000) / (healedAt - lastOpenedAt)),
      seconds_to_recover: recovered.map(rounded),
      captured: ledger.captured,
      processed: ledger.processed,
      dead_lettered: ledger.dead_lettered,
      goals: [
        atMost('seconds from the fifth failure until the last orchestrator opened', rounded(afterLastStraw), 1),
        atMost('seconds between the orchestrators', rounded(spread), 1),
        // Whether the route sees a trial fail, or the gpu's own breaker was a little ahead of it, is a matter of phase.
        atLeast('tasks that failed in trials', failed.length - untilOpen, 1),
        atMost('tasks that failed in trials', failed.length - untilOpen, TRIAL_CALLS * TRIAL_ROUNDS),
        atLeast(
          'share of what was offered that the cpu did',
          rounded(byCpu / ((CAMERAS * FPS * (healedAt - lastOpenedAt)) / 1000)),
          0.95,
        ),
        atMost('seconds to recover', rounded(Math.max(...recovered)), RECOVERY_MS / 1000 + 2),
        exactly('frames lost', lost, 0),
        exactly('dead letters', ledger.dead_lettered, 0),
        exactly('unaccounted', ledger.unaccounted, 0),
      ],
    };
  },
};

async function setPolicy(site: Site): Promise<void> {
  const answer = await fetch(site.url('registry', '/api/v1/capabilities/work'), {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ require: 'gpu', fallback: ['cpu'] }),
  });
  if (!answer.ok) throw new Error(`policy: ${answer.status} ${await answer.text()}`);
}

/** The changes of route breakers, as they come. */
async function followChanges(site: Site): Promise<readonly AuditEvent[]> {
  const changes: AuditEvent[] = [];
  const nc = await site.broker.connect();
  nc.subscribe(anySubject.events, {
    callback: (_error, message) => {
      const event = eventSchema.safeParse(message.json()).data;
      if (event?.event === 'route-breaker.changed') changes.push(event);
    },
  });
  await nc.flush();
  return changes;
}
