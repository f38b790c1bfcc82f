/** The events that are appended and replayed: the same for everyone who is measured. */
import { type Message, message } from './states.js';

/** What an agent heard or said: an event whose data has 400 B. */
export interface Said {
  readonly type: 'said';
  readonly data: Message;
}

export function said(index: number): Said {
  return { type: 'said', data: message(index) };
}

/** A movement on one of the accounts of a ledger. */
export interface Moved {
  readonly type: 'moved';
  readonly data: { readonly account: string; readonly cents: number; readonly at: number };
}

export const ACCOUNTS = 10_000;

export function moved(index: number): Moved {
  const account = name((index * 7_919) % ACCOUNTS);
  return {
    type: 'moved',
    data: { account, cents: ((index * 31) % 20_001) - 10_000, at: 1_700_000_000_000 + index },
  };
}

const name = (number: number) => `account-${String(number).padStart(6, '0')}`;

/** What a fold of few instructions makes of movements: replaying is measured, and not the fold. */
export interface Total {
  readonly cents: number;
  readonly movements: number;
}

export const NO_TOTAL: Total = { cents: 0, movements: 0 };

export function total(state: Total, event: Moved): Total {
  return { cents: state.cents + event.data.cents, movements: state.movements + 1 };
}

/** Accounts in groups of a hundred, so that a fold copies two hundred references and not ten thousand. */
export interface Ledger {
  readonly groups: Readonly<Record<string, Readonly<Record<string, Account>>>>;
}

interface Account {
  readonly owner: string;
  readonly cents: number;
  readonly movements: number;
  readonly lastAt: number;
}

/** About 1 MB of JSON. */
export function openedLedger(): Ledger {
  const groups: Record<string, Record<string, Account>> = {};
  for (let number = 0; number < ACCOUNTS; number++) {
    const account = name(number);
    groups[groupOf(account)] ??= {};
    groups[groupOf(account)]![account] = {
      owner: `owner-${number}@example.org`,
      cents: 0,
      movements: 0,
      lastAt: 0,
    };
  }
  return { groups };
}

export function entered(ledger: Ledger, { data: { account, cents, at } }: Moved): Ledger {
  const group = ledger.groups[groupOf(account)]!;
  const before = group[account]!;
  const after = { ...before, cents: before.cents + cents, movements: before.movements + 1, lastAt: at };
  return { groups: { ...ledger.groups, [groupOf(account)]: { ...group, [account]: after } } };
}

const groupOf = (account: string) => account.slice(0, -2);
