/** The results for people. */
import type { Address } from './agent/addresses.js';
import { chart } from './chart.js';
import { growthOf, median, type Travel } from './history.js';
import type { Results, Show } from './quickstart.js';
import type { Kill } from './supervise.js';
import type { Terminal } from './terminal.js';
import { bytes, count, milliseconds, table } from './text.js';

export class TerminalShow implements Show {
  private addresses: readonly Address[] = [];

  constructor(private readonly terminal: Terminal) {}

  begins(url: string, addresses: readonly Address[], already: number): void {
    const { terminal } = this;
    this.addresses = addresses;
    const years = `${addresses[0]?.year}–${addresses.at(-1)?.year}`;
    this.heading(`An agent reads ${addresses.length} State of the Union addresses (${years})`);
    terminal.say(`Its state lies in ${terminal.paint('dim', url)}`);
    if (already > 0 && already < addresses.length) {
      terminal.say(`An earlier run got as far as address ${already}: it goes on from there.`);
    } else if (already > 0) {
      terminal.say(`An earlier run has read all ${already}: there is nothing left to interrupt.`);
    }
  }

  read(done: number): void {
    const { year, name } = this.addresses[done - 1] ?? { year: '', name: '' };
    this.terminal.progress(done, this.addresses.length, `${year} ${name}`);
  }

  killed({ acknowledged, pid }: Kill): void {
    const { terminal } = this;
    terminal.say(
      `${terminal.paint('red', '✗')} SIGKILL to process ${pid}, after address ${this.place(acknowledged)}`,
    );
  }

  resumed({ read, pid }: { read: number; pid: number }): void {
    const { terminal } = this;
    const next = `goes on with ${this.place(read + 1)}`;
    terminal.say(`${terminal.paint('green', '✓')} process ${pid} found ${read} read, ${next}`);
  }

  looksBack(): void {
    this.terminal.clear();
  }

  ends(results: Results): void {
    this.outcome(results);
    this.past(results);
    this.growth(results);
    this.cost(results);
  }

  bye(url: string, kept: boolean): void {
    const { terminal } = this;
    const line = kept
      ? `The state is kept in ${url}`
      : 'The temporary store is removed; --keep keeps it, --store <url> names another.';
    terminal.say(terminal.paint('dim', line));
  }

  private heading(text: string): void {
    this.terminal.say();
    this.terminal.say(this.terminal.paint('bold', text));
  }

  private place(number: number): string {
    const address = this.addresses[number - 1];
    return address === undefined ? 'nothing' : `${number} (${address.name}, ${address.year})`;
  }

  private outcome({ addresses, run, equal, now: { state, version }, ms }: Results): void {
    const { terminal } = this;
    const lost = (run.resumedAt?.read ?? 0) < (run.killed?.acknowledged ?? 0);
    const words = state.log.reduce((total, reading) => total + reading.words, 0);
    const read = `${count(words)} words in ${count(addresses)} addresses, ${count(state.words.size)} different ones`;
    terminal.say(`${terminal.paint('green', '✓')} ${read}: version ${version}, ${milliseconds(ms.reading)}`);
    if (run.killed !== undefined) {
      this.verdict(!lost, 'nothing acknowledged was lost', 'SOMETHING ACKNOWLEDGED WAS LOST');
    }
    this.verdict(
      equal,
      'the final state equals that of an uninterrupted run in memory',
      'THE FINAL STATE DIFFERS from that of an uninterrupted run in memory',
    );
  }

  private verdict(good: boolean, yes: string, no: string): void {
    const { terminal } = this;
    terminal.say(good ? `${terminal.paint('green', '✓')} ${yes}` : terminal.paint('red', `✗ ${no}`));
  }

  private past({ past, now }: Results): void {
    const { terminal } = this;
    const { version, president, addresses, vocabulary, ms } = past;
    this.heading(`Back to ${past.year}: read({ at: ${version} })`);
    const then = `After ${president}'s address it had read ${addresses} and knew ${count(vocabulary)} words`;
    terminal.say(`${then} (${milliseconds(ms)}).`);
    this.verdict(
      past.equal,
      'the uninterrupted run knew the same by then',
      'THE UNINTERRUPTED RUN KNEW SOMETHING ELSE',
    );
    terminal.say();
    for (const line of table(comparison(past, now.state.words, now.version))) terminal.say(`  ${line}`);
    terminal.say();
    terminal.say(`  favourites by ${past.year}: ${favourites(past.words)}`);
    terminal.say(`  favourites now:     ${favourites(now.state.words)}`);
    terminal.say();
    terminal.say(`How it got there: timeline({ from: ${past.before[0]?.version}, to: ${version} })`);
    const rows = past.before.map((step) => [
      `version ${step.version}`,
      String(step.year),
      step.president,
      `+ ${count(step.newWords)}`,
      `${count(step.vocabulary)} words`,
    ]);
    for (const line of table(rows, ['left', 'left', 'left'])) terminal.say(`  ${line}`);
  }

  private growth({ now, run, past }: Results): void {
    const { terminal } = this;
    this.heading('The growth of its vocabulary (different words, by the year of the address)');
    const killedIn = run.killed === undefined ? undefined : this.addresses[run.killed.acknowledged - 1]?.year;
    const lines = chart(growthOf(now.state), {
      marks: [
        { x: past.year, label: `${past.year}, read again above` },
        ...(killedIn === undefined ? [] : [{ x: killedIn, label: `${killedIn}, killed here` }]),
      ],
      paint: (text, year) => terminal.paint(year <= (killedIn ?? 0) ? 'cyan' : 'green', text),
    });
    for (const line of lines) terminal.say(line);
  }

  private cost({ cost, run }: Results): void {
    const { terminal } = this;
    this.heading('What it costs to keep every version');
    const kept = cost.diskBytes ?? cost.recordBytes;
    const place = cost.diskBytes === undefined ? '' : ' on disk';
    const rows = [
      [`all ${cost.versions} versions,${place} as they are`, bytes(kept)],
      [
        'the last state alone',
        bytes(cost.lastStateBytes),
        `the history is ${factor(kept / cost.lastStateBytes)} that`,
      ],
      [
        'a full copy of each version',
        bytes(cost.fullCopiesBytes),
        terminal.paint('bold', `${factor(cost.ratio)} the history`),
      ],
    ];
    for (const line of table(rows, ['left', 'right', 'left'])) terminal.say(`  ${line}`);
    terminal.say();
    const { median: usual, max } = cost.stepBytes;
    terminal.say('An address adds its text and changes well over a thousand counts:');
    const time =
      run.stepsMs.length === 0 ? '' : `, counted and stored in ${milliseconds(median(run.stepsMs))}`;
    terminal.say(`  ${bytes(usual)} in the log${time} (medians), ${bytes(max)} at most`);
    terminal.say();
  }
}

/** Words that had their time, then and now. */
const WORDS = ['slavery', 'railroad', 'telegraph', 'women', 'economy', 'nuclear', 'america'];

function comparison(past: Travel, now: ReadonlyMap<string, number>, version: number): string[][] {
  return [
    ['', ...WORDS],
    [`by ${past.year}`, ...WORDS.map((word) => times(past.words, word))],
    [`version ${version}`, ...WORDS.map((word) => times(now, word))],
  ];
}

const times = (words: ReadonlyMap<string, number>, word: string): string =>
  words.has(word) ? count(words.get(word) ?? 0) : 'never';

const factor = (ratio: number): string => `${ratio.toFixed(ratio < 10 ? 1 : 0)} ×`;

/** Long words say more about a time than short ones, which are the same in all of them. */
function favourites(words: ReadonlyMap<string, number>): string {
  const long = [...words].filter(([word]) => word.length >= 8);
  const top = long.sort(([, a], [, b]) => b - a).slice(0, 5);
  return top.map(([word]) => word).join(', ');
}
