/** Headers of a message to publish. The client changes what it is given, so they are always made anew. */
import { HEADER } from '@frame-buffer/protocol';
import { type MsgHdrs, headers as makeHeaders } from '@nats-io/nats-core';

export function toHeaders(
  msgId: string | undefined,
  headers: Readonly<Record<string, string>> | undefined,
): MsgHdrs | undefined {
  if (msgId === undefined && headers === undefined) return undefined;
  const result = makeHeaders();
  for (const [name, value] of Object.entries(headers ?? {})) result.set(name, value.replaceAll(/[\r\n]+/g, ' '));
  if (msgId !== undefined) result.set(HEADER.msgId, msgId);
  return result;
}

/** Bytes on the wire: `NATS/1.0`, a line each, an empty line. */
export function headerBytes(headers: MsgHdrs | undefined): number {
  if (headers === undefined) return 0;
  let bytes = 'NATS/1.0\r\n\r\n'.length;
  for (const name of headers.keys())
    for (const value of headers.values(name)) bytes += Buffer.byteLength(name) + Buffer.byteLength(value) + 4;
  return bytes;
}
