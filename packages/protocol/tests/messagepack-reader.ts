/**
 * A second reader of MessagePack, written from the specification alone and knowing no extension types: what it reads,
 * any language reads. Only for tests; it throws where the bytes are not standard.
 */
export function readStandard(bytes: Uint8Array): unknown {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;

  function take(width: number): number {
    const start = at;
    at += width;
    if (at > bytes.length) throw new Error('truncated');
    return start;
  }

  function text(length: number): string {
    const start = take(length);
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(start, start + length));
  }

  function binary(length: number): Uint8Array {
    const start = take(length);
    return bytes.subarray(start, start + length);
  }

  function list(length: number): unknown[] {
    return Array.from({ length }, () => value());
  }

  function map(length: number): Record<string, unknown> {
    return Object.fromEntries(Array.from({ length }, () => [String(value()), value()]));
  }

  const wide: Record<number, () => unknown> = {
    192: () => null,
    194: () => false,
    195: () => true,
    196: () => binary(view.getUint8(take(1))),
    197: () => binary(view.getUint16(take(2))),
    198: () => binary(view.getUint32(take(4))),
    202: () => view.getFloat32(take(4)),
    203: () => view.getFloat64(take(8)),
    204: () => view.getUint8(take(1)),
    205: () => view.getUint16(take(2)),
    206: () => view.getUint32(take(4)),
    207: () => Number(view.getBigUint64(take(8))),
    208: () => view.getInt8(take(1)),
    209: () => view.getInt16(take(2)),
    210: () => view.getInt32(take(4)),
    211: () => Number(view.getBigInt64(take(8))),
    217: () => text(view.getUint8(take(1))),
    218: () => text(view.getUint16(take(2))),
    219: () => text(view.getUint32(take(4))),
    220: () => list(view.getUint16(take(2))),
    221: () => list(view.getUint32(take(4))),
    222: () => map(view.getUint16(take(2))),
    223: () => map(view.getUint32(take(4))),
  };

  function value(): unknown {
    const type = view.getUint8(take(1));
    if (type < 0x80) return type;
    if (type < 0x90) return map(type - 0x80);
    if (type < 0xa0) return list(type - 0x90);
    if (type < 0xc0) return text(type - 0xa0);
    if (type >= 0xe0) return type - 0x100;
    const read = wide[type];
    if (read === undefined) throw new Error(`type 0x${type.toString(16)} is an extension`);
    return read();
  }

  const result = value();
  if (at !== bytes.length) throw new Error('bytes left over');
  return result;
}
