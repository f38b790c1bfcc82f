import type { Summary } from './summary.js';

/** What shields.io takes from an endpoint. */
export interface Badge {
  readonly schemaVersion: 1;
  readonly label: string;
  readonly message: string;
  readonly color: string;
}

export function badge({ ok, only, interrupted, promises }: Summary): Badge {
  const count = (status: string): number => promises.filter((row) => row.status === status).length;
  const failed = count('failed');
  const [number, what] = failed > 0 ? [failed, 'failed'] : [count('verified'), 'verified'];
  const inPart = failed === 0 && count('partial') > 0 ? `, ${count('partial')} in part` : '';
  // A run that was narrowed, or ended early, says nothing of the rest.
  const whole = only === undefined && interrupted === undefined;
  const message = `${number} ${number === 1 ? 'promise' : 'promises'} ${what}${inPart}`;
  const color = failed > 0 ? 'red' : ok && whole ? 'brightgreen' : 'lightgrey';
  return { schemaVersion: 1, label: 'dgents', message: `${message}${whole ? '' : ' (partial run)'}`, color };
}
