/** A wrapper that passes everything on, except for one thing. */
import type { DataAgent } from '../../data-agent.js';
import { runWrapperKit } from '../index.js';
import type { WrapperClaims } from '../wrapper/subject.js';
import type { Fault, FaultNote } from './fault.js';
import { type Loose, spoiledAgent } from './spoiled-agent.js';

export interface WrapperFault extends Omit<FaultNote, 'breaks'> {
  readonly claims?: WrapperClaims;
  /** The methods that do not pass on what they should. */
  readonly spoil: (inner: DataAgent<unknown>) => Loose;
}

export function wrapperFault({ claims, spoil, ...note }: WrapperFault): Fault {
  const wrap = (inner: DataAgent<unknown>): DataAgent<unknown> => {
    const close = () => inner.close();
    return spoiledAgent(inner, { close, [Symbol.asyncDispose]: close, ...spoil(inner) });
  };
  const subject = { name: note.name, ...(claims !== undefined && { claims }), wrap };
  return { ...note, of: 'wrapper', breaks: 'forwarding', run: (options) => runWrapperKit(subject, options) };
}
