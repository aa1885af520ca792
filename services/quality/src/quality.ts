/**
 * Sharpness and brightness of a picture, from 320 × 180 pixels of one channel. Stateless and pure.
 *
 * Sharpness is the variance of the Laplacian: how strongly neighbouring pixels differ. It is a figure for comparing pictures
 * of one camera; a plain wall has no edges and counts as blurred.
 */
export interface Quality {
  /** Variance of the Laplacian, 0 and up. */
  readonly sharpness: number;
  /** Mean, 0 (black) to 255 (white). */
  readonly brightness: number;
  readonly dark: boolean;
  readonly blurred: boolean;
}

/** Below this a person sees little. */
const DARK_BELOW = 40;
/** Pictures of cameras in focus have several hundred; out of focus, below a hundred. */
const BLURRED_BELOW = 100;

/** `pixels`: brightness 0 to 255, row by row, `width × height` of them. */
export function qualityOf(pixels: Uint8Array, width: number, height: number): Quality {
  const brightness = meanOf(pixels);
  const sharpness = laplacianVariance(pixels, width, height);
  return {
    sharpness: round(sharpness),
    brightness: round(brightness),
    dark: brightness < DARK_BELOW,
    blurred: sharpness < BLURRED_BELOW,
  };
}

function meanOf(pixels: Uint8Array): number {
  let sum = 0;
  for (const value of pixels) sum += value;
  return pixels.length === 0 ? 0 : sum / pixels.length;
}

/** Of the inner pixels: those at the border have no four neighbours. */
function laplacianVariance(pixels: Uint8Array, width: number, height: number): number {
  let sum = 0;
  let squares = 0;
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const at = y * width + x;
      const neighbours =
        (pixels[at - 1] ?? 0) + (pixels[at + 1] ?? 0) + (pixels[at - width] ?? 0) + (pixels[at + width] ?? 0);
      const laplacian = neighbours - 4 * (pixels[at] ?? 0);
      sum += laplacian;
      squares += laplacian * laplacian;
    }
  }
  const count = Math.max(0, width - 2) * Math.max(0, height - 2);
  if (count === 0) return 0;
  const mean = sum / count;
  return squares / count - mean * mean;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
