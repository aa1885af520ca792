/**
 * Which of n members a key belongs to, the same for everybody who knows the same names, in any order.
 *
 *   R1  When a member leaves, its keys and no others move; when one joins, keys move to it and to nobody else.
 *   R2  Members have nearly equal shares: at most 1 + 1/`PROBES` of the mean, and little less than it.
 *
 * Multi-probe consistent hashing: members are points on a ring; a key looks from `PROBES` places, and belongs to the point that
 * is nearest ahead of any of them. A table of the ring's sections finds the point ahead in one or two steps, so that a
 * look-up costs the same for ten members and for a thousand.
 * Source: B. Appleton, M. O'Reilly, Multi-probe consistent hashing (2015).
 */

const PROBES = 24;
/** More points than members even out what two that lie close together take from one another. */
const POINTS_PER_MEMBER = 4;
/** 2³² divided by the golden ratio: multiples of it spread evenly. */
const GOLDEN = 0x9e3779b9;

export class HashRing {
  readonly #points: Uint32Array;
  /** Member of each point. */
  readonly #members: Int32Array;
  /** By section of the ring: its first point. */
  readonly #sections: Uint32Array;
  readonly #shift: number;

  /** Members are different names, at least one. */
  constructor(members: readonly string[]) {
    const points = members.flatMap((name, member) =>
      Array.from({ length: POINTS_PER_MEMBER }, (_, i) => ({ at: hash(`${name}#${i}`), name, member })),
    );
    // Points that coincide are in the order of the names, not of the list.
    points.sort((a, b) => a.at - b.at || (a.name < b.name ? -1 : 1));
    this.#points = Uint32Array.from(points, ({ at }) => at);
    this.#members = Int32Array.from(points, ({ member }) => member);
    const bits = Math.max(1, Math.ceil(Math.log2(2 * points.length)));
    this.#shift = 32 - bits;
    this.#sections = new Uint32Array(2 ** bits);
    for (let section = 0, point = 0; section < this.#sections.length; section++) {
      while (point < points.length && (this.#points[point] as number) >>> this.#shift < section) point += 1;
      this.#sections[section] = point;
    }
  }

  /** The member's place in the list that was given. */
  ownerOf(key: string): number {
    const start = hash(key);
    let nearest = -1;
    let shortest = Number.POSITIVE_INFINITY;
    for (let probe = 0; probe < PROBES; probe++) {
      const from = scrambled(start + Math.imul(probe, GOLDEN));
      const point = this.#pointAhead(from);
      const distance = ((this.#points[point] as number) - from) >>> 0;
      if (distance < shortest) {
        shortest = distance;
        nearest = point;
      }
    }
    return this.#members[nearest] as number;
  }

  #pointAhead(from: number): number {
    let point = this.#sections[from >>> this.#shift] as number;
    while (point < this.#points.length && (this.#points[point] as number) < from) point += 1;
    return point === this.#points.length ? 0 : point;
  }
}

/** FNV-1a over the characters, scrambled: 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return scrambled(value);
}

/** The finalizer of MurmurHash3: every bit of the input changes half of the output. */
function scrambled(input: number): number {
  let value = input;
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
