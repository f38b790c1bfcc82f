/** ArrayBuffers and views of them ⇄ `["Float32Array", "<base64>"]`. Only the view's own bytes, little-endian. */
import { endianness } from 'node:os';
import { intrinsicName, viewClasses } from './intrinsics.js';

export type Bytes = ArrayBuffer | ArrayBufferView;

const BIG_ENDIAN = endianness() === 'BE';

/** `ArrayBuffer`, `DataView`, `Buffer`, `Uint8Array` … */
export function bytesClass(value: Bytes): string {
  return intrinsicName(Object.getPrototypeOf(value))!;
}

/** A Buffer over the same memory. */
export function bytesOf(value: Bytes): Buffer {
  return ArrayBuffer.isView(value)
    ? Buffer.from(value.buffer as ArrayBuffer, value.byteOffset, value.byteLength)
    : Buffer.from(value);
}

export function copyBytes(value: Bytes): Bytes {
  return fromMemory(bytesClass(value), freshMemory(bytesOf(value)));
}

export function encodeBytes(value: Bytes): readonly [string, string] {
  const name = bytesClass(value);
  return [name, swapped(bytesOf(value), name).toString('base64')];
}

/** Undefined when the payload is not what {@link encodeBytes} writes. */
export function decodeBytes(name: string, base64: string): Bytes | undefined {
  if (name !== 'ArrayBuffer' && name !== 'Buffer' && !viewClasses.has(name)) return undefined;
  const bytes = Buffer.from(base64, 'base64');
  // Buffer.from skips what is not base64, so only the way back tells whether this was.
  if (bytes.toString('base64') !== base64 || bytes.length % elementBytes(name) !== 0) return undefined;
  return fromMemory(name, freshMemory(swapped(bytes, name)));
}

/** Buffer.from borrows from a pool that others write to; a value needs memory of its own. */
function freshMemory(bytes: Uint8Array): ArrayBuffer {
  const memory = new ArrayBuffer(bytes.length);
  new Uint8Array(memory).set(bytes);
  return memory;
}

function fromMemory(name: string, memory: ArrayBuffer): Bytes {
  if (name === 'ArrayBuffer') return memory;
  if (name === 'Buffer') return Buffer.from(memory);
  return new (viewClasses.get(name)!)(memory);
}

function elementBytes(name: string): number {
  return (viewClasses.get(name) as { BYTES_PER_ELEMENT?: number } | undefined)?.BYTES_PER_ELEMENT ?? 1;
}

function swapped(bytes: Buffer, name: string): Buffer {
  const width = elementBytes(name);
  if (!BIG_ENDIAN || width === 1) return bytes;
  const copy = Buffer.from(bytes);
  return width === 2 ? copy.swap16() : width === 4 ? copy.swap32() : copy.swap64();
}
