import { writeFileSync } from 'node:fs';
import { openSource } from './open-source.ts';
import { record } from './source.fixture.ts';
for (const ffmpeg of ['ffmpeg', process.argv[2] ?? '']) for (const url of ['rtsp://me:sEcret@localhost:18554/cam','rtsp://127.0.0.1:18554/nothing']) {
  const t = performance.now();
  const s = openSource({ camera: 'x', source: { type: 'rtsp', url }, attempt: 1, ffmpeg });
  const r = record(s);
  try { await r.reached(1); const first = performance.now() - t; await r.reached(30); console.log(ffmpeg.slice(-8), 'first', first|0, 'ms; 30 after', (performance.now()-t)|0, r.pictures[0]?.width); } catch (e) { console.log(String(e)); }
  await s.stop(); console.log(r.calls.at(-1));
}
const p = openSource({ camera: 'front-door-7', source: { type: 'test-pattern', width: 640, height: 360, fps: 10 }, attempt: 1 });
const r = record(p); await r.reached(12); const c=process.cpuUsage(); const t=performance.now(); await r.reached(52); const d=process.cpuUsage(c); console.log('cpu ms/picture', (d.user+d.system)/1000/40, 'fps', 40000/(performance.now()-t)); await p.stop(); writeFileSync('/tmp/fbx/p.jpg', r.pictures[11]?.bytes ?? ''); console.log(r.pictures[11]?.bytes.length);
