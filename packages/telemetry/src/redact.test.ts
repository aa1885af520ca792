import { describe, expect, test } from 'vitest';
import { isSecretName, redactUrls } from './redact.ts';

describe('R1 credentials in URLs do not survive', () => {
  test.each([
    ['rtsp://admin:s3cret@10.0.0.9:554/ch1', 'rtsp://***@10.0.0.9:554/ch1'],
    ['cannot open rtsp://admin:s3cret@cam/1: timed out', 'cannot open rtsp://***@cam/1: timed out'],
    ['rtsp://admin:p@ss@cam/1', 'rtsp://***@cam/1'],
    ['rtsp://admin:pa/ss@cam/1', 'rtsp://***@cam/1'],
    ['rtsp://admin:pa?s#s@cam/1', 'rtsp://***@cam/1'],
    ['nats://s3crettoken@broker:4222', 'nats://***@broker:4222'],
    ['nats://a:b@one:4222,nats://c:d@two:4222', 'nats://***@one:4222,nats://***@two:4222'],
    ['http://cam/mjpeg?user=x&password=s3cret&fps=5', 'http://cam/mjpeg?user=x&password=***&fps=5'],
    ['http://cam/snap?access_token=s3cret#top', 'http://cam/snap?access_token=***#top'],
    ['HTTPS://U:P@host', 'HTTPS://***@host'],
  ])('%s', (text, redacted) => {
    expect(redactUrls(text)).toBe(redacted);
  });
});

describe('R2 the rest is unchanged', () => {
  test.each([
    'no address here, a@b.example is one of another kind',
    'http://127.0.0.1:8080/api/v1/cameras/cam1',
    'http://host:8080/img@2x.png',
    'http://host/img@2x.png?size=3&monkey=1',
    'rtsp://[::1]:554/a:b@c',
  ])('%s', (text) => {
    expect(redactUrls(text)).toBe(text);
  });

  test('redacting twice changes nothing more', () => {
    const once = redactUrls('rtsp://a:b@cam/1?token=x');
    expect(redactUrls(once)).toBe(once);
  });

  test('a long hostile text is handled in linear time', () => {
    const started = performance.now();
    for (const part of ['a.', 'a://', '?a', 'a:b', 'a://b:c/']) redactUrls(`x://${part.repeat(200_000)}`);
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});

test('secret names are known by their ending, plain counts are not secrets', () => {
  for (const name of ['password', 'Authorization', 'nats_token', 'clientSecret', 'apiKey']) {
    expect(isSecretName(name), name).toBe(true);
  }
  for (const name of ['tokens', 'camera', 'keyframes', 'compass']) expect(isSecretName(name), name).toBe(false);
});
