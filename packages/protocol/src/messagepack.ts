/**
 * Standard MessagePack, readable in any language: no extension types, in neither direction. Numbers are numbers: integers
 * up to 2^32 as integers, larger ones and fractions as float64.
 *
 * msgpackr by itself would follow extensions that came over the wire (record definitions, which it compiles, regular
 * expressions, references) and would write them for dates, sets and large integers. A walk over the bytes before decoding
 * and after encoding excludes both, and is cheap beside msgpackr's own work.
 */
import { Packr } from 'msgpackr';
import { InvalidInputError } from './errors.ts';

const packr = new Packr({
  useRecords: false,
  int64AsType: 'number',
  encodeUndefinedAsNil: true,
  mapsAsObjects: true,
  variableMapSize: true,
});

/** Arrays and maps inside one another; our own messages need four. */
const MAX_DEPTH = 32;

/**
 * For plain data: null, booleans, numbers, strings, Uint8Array, arrays, objects. The bytes are the caller's own copy, valid
 * for ever. Throws `invalid_value` for dates, symbols, cycles and integers beyond 64 bits; other objects lose their class.
 */
export function pack(value: unknown): Buffer {
  try {
    const bytes = packr.pack(value);
    assertStandard(bytes);
    return bytes;
  } catch (cause) {
    throw new InvalidInputError('value', `this value is not plain data: ${messageOf(cause)}`, { cause });
  }
}

/** Throws `RangeError` on bytes that are not exactly one value of standard MessagePack, and nothing else. */
export function unpack(bytes: Uint8Array): unknown {
  try {
    assertStandard(bytes);
    return packr.unpack(bytes);
  } catch (cause) {
    throw new RangeError(`no standard MessagePack: ${messageOf(cause)}`, { cause });
  }
}

function assertStandard(bytes: Uint8Array): void {
  const end = skip(bytes, 0, 0);
  if (end !== bytes.length) throw new RangeError(`${bytes.length - end} bytes after the value`);
}

/** Where the value that begins at `at` ends: never beyond the bytes. */
function skip(bytes: Uint8Array, at: number, depth: number): number {
  const token = bytes[at];
  if (token === undefined) throw new RangeError('the bytes end too early');
  const next = at + 1;
  if (token < 0x80 || token >= 0xe0) return next;
  if (token < 0x90) return skipAll(bytes, next, (token & 0x0f) * 2, depth);
  if (token < 0xa0) return skipAll(bytes, next, token & 0x0f, depth);
  if (token < 0xc0) return within(bytes, next + (token & 0x1f));
  switch (token) {
    case 0xc0: // nil, false, true
    case 0xc2:
    case 0xc3:
      return next;
    case 0xcc: // integers and floats
    case 0xd0:
      return within(bytes, next + 1);
    case 0xcd:
    case 0xd1:
      return within(bytes, next + 2);
    case 0xca:
    case 0xce:
    case 0xd2:
      return within(bytes, next + 4);
    case 0xcb:
    case 0xcf:
    case 0xd3:
      return within(bytes, next + 8);
    case 0xc4: // binaries and strings
    case 0xd9:
      return within(bytes, next + 1 + length(bytes, next, 1));
    case 0xc5:
    case 0xda:
      return within(bytes, next + 2 + length(bytes, next, 2));
    case 0xc6:
    case 0xdb:
      return within(bytes, next + 4 + length(bytes, next, 4));
    case 0xdc: // arrays and maps
      return skipAll(bytes, next + 2, length(bytes, next, 2), depth);
    case 0xdd:
      return skipAll(bytes, next + 4, length(bytes, next, 4), depth);
    case 0xde:
      return skipAll(bytes, next + 2, length(bytes, next, 2) * 2, depth);
    case 0xdf:
      return skipAll(bytes, next + 4, length(bytes, next, 4) * 2, depth);
    default:
      throw new RangeError(`0x${token.toString(16)} is an extension type or no type at all`);
  }
}

function skipAll(bytes: Uint8Array, at: number, count: number, depth: number): number {
  if (depth === MAX_DEPTH) throw new RangeError(`more than ${MAX_DEPTH} arrays and maps inside one another`);
  // An absurd count ends with the bytes, and before anybody allocates for it.
  let next = at;
  for (let i = 0; i < count; i++) next = skip(bytes, next, depth + 1);
  return next;
}

function length(bytes: Uint8Array, at: number, width: number): number {
  let value = 0;
  for (let i = 0; i < width; i++) value = value * 256 + (bytes[at + i] ?? 0);
  return value;
}

function within(bytes: Uint8Array, end: number): number {
  if (end > bytes.length) throw new RangeError('the bytes end too early');
  return end;
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
