/** Operations as they come about, what they weigh, and by how much they change the document they belong to. */
import type { Json } from '../../codec/codec.js';
import { jsonBytes } from '../../codec/measure.js';
import { formatPointer, type PatchOp } from '../patch.js';

export type Segment = string | number;

/** The JSON text of each operation without path, source and value; one more for the comma after it. */
const ADD_BYTES = '{"op":"add","path":,"value":},'.length;
const REPLACE_BYTES = '{"op":"replace","path":,"value":},'.length;
const REMOVE_BYTES = '{"op":"remove","path":},'.length;
const MOVE_BYTES = '{"op":"move","from":,"path":},'.length;

/** A place in a patch to go back to. */
export interface Mark {
  readonly count: number;
  readonly opsBytes: number;
  readonly delta: number;
}

export class PatchWriter {
  readonly ops: PatchOp[] = [];
  /** Where the walk stands in the document. */
  readonly pointer: Segment[] = [];
  /** By how many bytes the document grows. */
  delta = 0;
  private opsBytes = 0;

  /** Exact length of the patch as JSON text, in UTF-8 bytes. */
  get patchBytes(): number {
    return this.ops.length === 0 ? 2 : this.opsBytes + 1;
  }

  /** What is added to the array or object at the pointer; `ownBytes` is what it takes there without its commas. */
  add(segment: Segment, value: Json, valueBytes: number, ownBytes: number): void {
    const path = this.child(segment);
    this.delta += ownBytes;
    this.push({ op: 'add', path, value }, ADD_BYTES + jsonBytes(path) + valueBytes);
  }

  /** Replaces what is at the pointer. */
  replace(value: Json, bytes: number, bytesBefore: number): void {
    const path = formatPointer(this.pointer);
    this.delta += bytes - bytesBefore;
    this.push({ op: 'replace', path, value }, REPLACE_BYTES + jsonBytes(path) + bytes);
  }

  remove(segment: Segment, ownBytes: number): void {
    const path = this.child(segment);
    this.delta -= ownBytes;
    this.push({ op: 'remove', path }, REMOVE_BYTES + jsonBytes(path));
  }

  move(source: Segment, target: Segment): void {
    const from = this.child(source);
    const path = this.child(target);
    this.push({ op: 'move', from, path }, MOVE_BYTES + jsonBytes(from) + jsonBytes(path));
  }

  /** The commas between `before` members are now those between `after`. */
  resized(before: number, after: number): void {
    this.delta += commas(after) - commas(before);
  }

  mark(): Mark {
    return { count: this.ops.length, opsBytes: this.opsBytes, delta: this.delta };
  }

  /** How many operations were added since. */
  countSince(mark: Mark): number {
    return this.ops.length - mark.count;
  }

  /** How many bytes are left for a value that replaces, with one operation at the pointer, all those since. */
  bytesSince(mark: Mark): number {
    return this.opsBytes - mark.opsBytes - REPLACE_BYTES - jsonBytes(formatPointer(this.pointer));
  }

  goBack(mark: Mark): void {
    this.ops.length = mark.count;
    this.opsBytes = mark.opsBytes;
    this.delta = mark.delta;
  }

  private push(op: PatchOp, bytes: number): void {
    this.ops.push(op);
    this.opsBytes += bytes;
  }

  private child(segment: Segment): string {
    this.pointer.push(segment);
    const path = formatPointer(this.pointer);
    this.pointer.pop();
    return path;
  }
}

function commas(members: number): number {
  return members > 1 ? members - 1 : 0;
}
