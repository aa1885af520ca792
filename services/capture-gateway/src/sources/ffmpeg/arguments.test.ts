import { describe, expect, it } from 'vitest';
import { type Dialect, type FfmpegInput, ffmpegArguments } from './arguments.ts';

const present: Dialect = { rtspTimeout: '-timeout', passthrough: ['-fps_mode', 'passthrough'] };
const old: Dialect = { rtspTimeout: '-stimeout', passthrough: ['-vsync', '0'] };
const rtsp: FfmpegInput = { type: 'rtsp', url: 'rtsp://host/1' };

function line(input: FfmpegInput, { attempt = 1, dialect = present } = {}): string {
  return ffmpegArguments({ input, attempt, dialect }).join(' ');
}

describe('ffmpegArguments', () => {
  it('the whole line for RTSP', () => {
    expect(line(rtsp)).toBe(
      '-hide_banner -nostdin -nostats -loglevel error -rtsp_transport tcp -allowed_media_types video ' +
        '-probesize 32 -analyzeduration 0 -fpsprobesize 0 -flags low_delay -timeout 3000000 -i rtsp://host/1 ' +
        '-map 0:v:0 -vf settb=1/1000,setpts=N -enc_time_base 1/1000 -fps_mode passthrough ' +
        '-c:v mjpeg -q:v 5 -pix_fmt yuvj420p -f mpjpeg -boundary_tag fb pipe:1',
    );
  });

  it('looks longer at the stream from the second attempt on', () => {
    expect(line(rtsp, { attempt: 2 })).toContain('-probesize 500000 -analyzeduration 500000');
  });

  it('speaks to old builds in their way', () => {
    expect(line(rtsp, { dialect: old })).toContain('-stimeout 3000000 -i');
    expect(line(rtsp, { dialect: old })).toContain('-vsync 0');
    expect(line({ type: 'http', url: 'http://host/' }, { dialect: old })).toContain('-timeout 3000000 -i');
  });

  it('http: names the host that the address stands for', () => {
    const args = ffmpegArguments({
      input: { type: 'http', url: 'http://10.0.0.1/', host: 'camera.local' },
      attempt: 1,
      dialect: present,
    });
    expect(args).toContain('Host: camera.local\r\n');
    expect(line({ type: 'http', url: 'http://host/' })).not.toContain('-headers');
  });

  it('files come in real time, looped on request, and a path is never an option or another protocol', () => {
    expect(line({ type: 'file', path: '-i.mp4', loop: false })).toContain('error -re -i file:-i.mp4');
    expect(line({ type: 'file', path: '/a b.mp4', loop: true })).toContain('-stream_loop -1 -re -i file:/a b.mp4');
  });
});
