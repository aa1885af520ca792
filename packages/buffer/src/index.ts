export { BoundedBuffer, type BufferBounds, type OverflowPolicy } from './bounded-buffer.ts';
