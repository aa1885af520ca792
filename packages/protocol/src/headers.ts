/** Message headers. `Nats-Msg-Id` is the broker's; the others are ours. */
export const HEADER = {
  msgId: 'Nats-Msg-Id',
  /** On PIXELS, and on WORK messages of one frame: what a plain client needs without decoding anything. */
  frame: 'Fb-Frame',
  camera: 'Fb-Camera',
  epoch: 'Fb-Epoch',
  sequence: 'Fb-Sequence',
  capability: 'Fb-Capability',
  /** Sequence of the picture in PIXELS; absent when a frame has no picture. */
  pixels: 'Fb-Pixels',
  priority: 'Fb-Priority',
  attempt: 'Fb-Attempt',
  /** Milliseconds left until the task expires, counted from the broker's stamp of this message. */
  expiresInMs: 'Fb-Expires-In-Ms',
  width: 'Fb-Width',
  height: 'Fb-Height',
  encoding: 'Fb-Encoding',
  compression: 'Fb-Compression',
  /** Capture wall-clock time, ISO 8601. */
  capturedAt: 'Fb-Captured-At',
  reason: 'Fb-Reason',
  error: 'Fb-Error',
  traceparent: 'traceparent',
} as const;
