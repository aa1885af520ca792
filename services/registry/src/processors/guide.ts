/**
 * What a client must know to work: told with every registration, so that one who has nothing but a NATS client needs nothing
 * else. Pure.
 */
import {
  durable,
  HEADER,
  HEARTBEAT_MS,
  HEARTBEAT_TTL_MS,
  type Processor,
  STREAM,
  subject,
} from '@frame-buffer/protocol';

export interface ProcessorGuide {
  readonly queue: {
    readonly stream: string;
    readonly durable: string;
    readonly subject: string;
    /** Request messages here, with a body such as `{"batch":1,"expires":5000000000}` (nanoseconds). */
    readonly pull: string;
    readonly ackWaitMs: number;
    readonly answers: Readonly<Record<string, string>>;
  };
  readonly message: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly picture: { readonly request: string; readonly body: string };
  readonly results: string;
  readonly heartbeat: {
    readonly needed: boolean;
    readonly everyMs: number;
    readonly expiresAfterMs: number;
    readonly put: string;
  };
}

export function guideTo(processor: Processor): ProcessorGuide {
  const { name, ackWaitMs, maxBatch, liveness } = processor;
  const queue = durable.processor(name);
  return {
    queue: {
      stream: STREAM.work,
      durable: queue,
      subject: subject.workOf(name),
      pull: `$JS.API.CONSUMER.MSG.NEXT.${STREAM.work}.${queue}`,
      ackWaitMs,
      answers: {
        '+ACK': 'done',
        '-NAK': 'again, at once; -NAK {"delay": <nanoseconds>} later',
        '+WPI': 'still at it: the ack wait begins anew',
      },
    },
    message:
      maxBatch === 1
        ? 'one frame a message: the headers say all that is needed, the body may be ignored'
        : `1 to ${maxBatch} frames a message, as a batch envelope in the body; register with maxBatch 1 to have headers instead`,
    headers: {
      [HEADER.frame]: 'id of the frame: <camera>.<epoch>.<sequence>',
      [HEADER.camera]: 'camera',
      [HEADER.epoch]: 'epoch of the camera: milliseconds, grows when its gateway restarts',
      [HEADER.sequence]: 'number of the frame within the epoch, from 1',
      [HEADER.capability]: 'what is wanted of this frame',
      [HEADER.pixels]: 'sequence of the picture in the stream of pictures; absent when there is none',
      [HEADER.priority]: '0 to 10, 10 the most urgent',
      [HEADER.attempt]: 'how often it was tried before',
      [HEADER.expiresInMs]: 'milliseconds left, from the time at which the broker stored the message',
      [HEADER.width]: 'pixels',
      [HEADER.height]: 'pixels',
      [HEADER.encoding]: 'of the picture: jpeg, png, rgb24, gray8',
      [HEADER.compression]: 'of the stored bytes, when they are compressed',
      [HEADER.capturedAt]: 'wall clock at capture, ISO 8601',
    },
    picture: {
      request: `$JS.API.DIRECT.GET.${STREAM.pixels}`,
      body: `{"seq": <${HEADER.pixels}>}`,
    },
    results: `${subject.results(name, 'camera').slice(0, -'camera'.length)}<camera>`,
    heartbeat: {
      needed: liveness === 'heartbeat',
      everyMs: HEARTBEAT_MS,
      expiresAfterMs: HEARTBEAT_TTL_MS,
      put: `/api/v1/processors/${name}/instances/<instance>`,
    },
  };
}
