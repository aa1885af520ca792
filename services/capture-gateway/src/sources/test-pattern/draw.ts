/**
 * The picture of a camera that does not exist, as raw RGB: its name, the number of the frame, the time, and a block that wanders
 * to and fro. The block rests now and then, so that looking for motion finds something, and sometimes nothing.
 *
 * Drawn by hand: rendering SVG text would cost more than the JPEG.
 */
import { GLYPH_HEIGHT, GLYPH_WIDTH, glyph } from './font.ts';

export interface Canvas {
  readonly width: number;
  readonly height: number;
  /** width × height × 3. */
  readonly pixels: Uint8Array;
}

export interface Scene {
  readonly frame: number;
  /** Since the pattern began; what moves depends on it alone. */
  readonly elapsedMs: number;
  /** Shown as UTC. */
  readonly wallClockMs: number;
}

export interface TestPattern {
  /** Draws into the canvas given, the same one every time. */
  draw(scene: Scene): Canvas;
  isMoving(elapsedMs: number): boolean;
}

const MOVES_MS = 7_000;
const CYCLE_MS = 10_000;
/** From one side to the other. */
const CROSSING_MS = 5_000;
const CHANNELS = 3;

type Colour = readonly [number, number, number];
const white: Colour = [255, 255, 255];
const black: Colour = [0, 0, 0];

export function createTestPattern(options: { camera: string; width: number; height: number }): TestPattern {
  const { camera, width, height } = options;
  const canvas: Canvas = { width, height, pixels: new Uint8Array(width * height * CHANNELS) };
  const tint = hash(camera);
  const background = paintBackground(canvas, tint);
  // Cameras rest at different times.
  const phaseMs = tint % CYCLE_MS;
  const side = Math.max(8, Math.floor(Math.min(width, height) / 3));
  const scale = Math.max(1, Math.floor(height / 160));

  return {
    draw({ frame, elapsedMs, wallClockMs }) {
      canvas.pixels.set(background);
      const travel = (movedMs(elapsedMs + phaseMs) / CROSSING_MS) % 2;
      const x = Math.round((travel <= 1 ? travel : 2 - travel) * (width - side));
      const y = Math.floor((height - side) / 2);
      fill(canvas, { x, y, width: side, height: side, colour: white });
      fill(canvas, { x: x + 4, y: y + 4, width: side - 8, height: side - 8, colour: hue(tint + 128) });

      const line = (GLYPH_HEIGHT + 3) * scale;
      const margin = 4 * scale;
      write(canvas, { text: camera, x: margin, y: margin, scale });
      write(canvas, { text: `#${frame}`, x: margin, y: margin + line, scale });
      const clock = new Date(wallClockMs).toISOString().slice(11, 23);
      write(canvas, { text: clock, x: margin, y: height - line, scale });
      return canvas;
    },
    isMoving: (elapsedMs) => (elapsedMs + phaseMs) % CYCLE_MS < MOVES_MS,
  };
}

/** How long it has been moving within that time. */
function movedMs(elapsedMs: number): number {
  return Math.floor(elapsedMs / CYCLE_MS) * MOVES_MS + Math.min(elapsedMs % CYCLE_MS, MOVES_MS);
}

/** A slope of the camera's colour with thin diagonal lines: something to measure sharpness on. */
function paintBackground({ width, height }: Canvas, tint: number): Uint8Array {
  const pixels = new Uint8Array(width * height * CHANNELS);
  const [red, green, blue] = hue(tint);
  for (let y = 0, at = 0; y < height; y++) {
    const light = 0.25 + (0.5 * y) / height;
    for (let x = 0; x < width; x++, at += CHANNELS) {
      const shade = (x + y) % 32 === 0 ? light * 0.7 : light;
      pixels[at] = red * shade;
      pixels[at + 1] = green * shade;
      pixels[at + 2] = blue * shade;
    }
  }
  return pixels;
}

function write(canvas: Canvas, { text, x, y, scale }: { text: string; x: number; y: number; scale: number }): void {
  const step = (GLYPH_WIDTH + 1) * scale;
  const pad = 2 * scale;
  // The same ground for every text, so that it can be read on any background.
  fill(canvas, {
    x: x - pad,
    y: y - pad,
    width: text.length * step + 2 * pad - scale,
    height: GLYPH_HEIGHT * scale + 2 * pad,
    colour: black,
  });
  for (let i = 0; i < text.length; i++) writeSign(canvas, text[i] ?? ' ', x + i * step, y, scale);
}

function writeSign(canvas: Canvas, sign: string, x: number, y: number, scale: number): void {
  const bits = glyph(sign);
  for (let row = 0; row < GLYPH_HEIGHT; row++) {
    for (let column = 0; column < GLYPH_WIDTH; column++) {
      if ((((bits[row] ?? 0) >> (GLYPH_WIDTH - 1 - column)) & 1) === 0) continue;
      fill(canvas, { x: x + column * scale, y: y + row * scale, width: scale, height: scale, colour: white });
    }
  }
}

interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly colour: Colour;
}

/** What lies outside the canvas is cut off. */
function fill({ width, height, pixels }: Canvas, { x, y, ...rectangle }: Rectangle): void {
  const [red, green, blue] = rectangle.colour;
  const right = Math.min(width, x + rectangle.width);
  const bottom = Math.min(height, y + rectangle.height);
  for (let row = Math.max(0, y); row < bottom; row++) {
    let at = (row * width + Math.max(0, x)) * CHANNELS;
    for (let column = Math.max(0, x); column < right; column++) {
      pixels[at++] = red;
      pixels[at++] = green;
      pixels[at++] = blue;
    }
  }
}

/** A strong colour; 256 is once round the wheel. */
function hue(angle: number): Colour {
  const channel = (shift: number) => Math.round(128 + 127 * Math.cos((angle / 128 - shift) * Math.PI));
  return [channel(0), channel(2 / 3), channel(4 / 3)];
}

/** FNV-1a: the same camera looks the same every time. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return value;
}
