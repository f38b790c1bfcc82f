/** A repository, asked through the git command: without a shell, and changing nothing. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { AuditError } from '../errors.js';
import type { HistoryEvent } from '../history.js';
import { LOG_FORMAT, parseLog } from './parse-log.js';

/** The same output whatever is configured, and none of the programs run that a configuration may name. */
const LOG_OPTIONS = [
  '--reverse',
  '--date-order', // parents before children, and else by commit time
  '-z',
  '--raw',
  '--numstat',
  '--find-renames=50%',
  '-l2000',
  '--no-relative',
  '--diff-algorithm=myers',
  '--no-ext-diff',
  '--no-textconv',
  '--no-show-signature',
  '--no-color',
  '--no-notes',
  '--encoding=UTF-8',
  `--format=${LOG_FORMAT}`,
];

const GIT_OPTIONS = ['--no-pager', '--no-replace-objects', '-c', 'log.showRoot=true'];

/** What `git rev-parse --local-env-vars` names, its settings aside: set inside of hooks, it would lead git elsewhere. */
const LOCAL = new Set(
  'GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_OBJECT_DIRECTORY GIT_DIR GIT_WORK_TREE GIT_IMPLICIT_WORK_TREE GIT_GRAFT_FILE GIT_INDEX_FILE GIT_REPLACE_REF_BASE GIT_PREFIX GIT_SHALLOW_FILE GIT_COMMON_DIR GIT_NAMESPACE'.split(
    ' ',
  ),
);

const MAX_ERROR_BYTES = 4_096;

export class Repository {
  private constructor(
    /** Absolute, so that it is no option to git whatever it is called. */
    readonly path: string,
  ) {}

  /** @throws AuditError when there is no git, no repository there, no commit in it, or not all of its history */
  static async open(path: string): Promise<Repository> {
    const absolute = resolve(path);
    const isFolder = await stat(absolute).then(
      (found) => found.isDirectory(),
      () => false,
    );
    if (!isFolder)
      throw new AuditError(
        `There is no folder ${absolute}. Give the path of a git repository: --repo <path>.`,
      );
    const repository = new Repository(absolute);
    const shallow = await repository.ask(['rev-parse', '--is-shallow-repository']).catch((cause) => {
      if (cause instanceof GitError && /not a git repository/i.test(cause.message)) {
        throw new AuditError(`${absolute} is no git repository. Give the path of one: --repo <path>.`, {
          cause,
        });
      }
      throw cause;
    });
    if (shallow.trim() === 'true') {
      throw new AuditError(
        `${absolute} is a shallow clone: its oldest commits would look as if they had made all the files. Get the rest of its history first: git fetch --unshallow.`,
      );
    }
    return repository;
  }

  /** The commit that is checked out. */
  async head(): Promise<string> {
    const answer = await this.ask(['rev-parse', '--verify', '--quiet', 'HEAD^{commit}']).catch((cause) => {
      throw new AuditError(`${this.path} has no commits yet. Commit something, and run this again.`, {
        cause,
      });
    });
    return answer.trim();
  }

  /** How many commits lead to `head` and not to one of `known`. */
  async count(head: string, known: readonly string[]): Promise<number> {
    return Number(
      await this.ask(['rev-list', '--count', ...hashes(head), '--not', ...hashes(...known), '--']),
    );
  }

  /** The first of `commits` that is no part of what leads to `head`; undefined: all are. */
  async strayOf(commits: readonly string[], head: string): Promise<string | undefined> {
    if (commits.length === 0) return undefined;
    const stray = await this.ask([
      'rev-list',
      '--max-count=1',
      ...hashes(...commits),
      '--not',
      ...hashes(head),
      '--',
    ]).catch((cause) => {
      if (cause instanceof GitError && /bad object|bad revision/i.test(cause.message))
        return commits[0] ?? '';
      throw cause;
    });
    return stray.trim() === '' ? undefined : stray.trim();
  }

  /** The commits that lead to `head` and not to one of `known`: parents before their children. */
  commits(head: string, known: readonly string[]): AsyncGenerator<HistoryEvent, void, undefined> {
    return parseLog(this.run(['log', ...LOG_OPTIONS, ...hashes(head), '--not', ...hashes(...known), '--']));
  }

  private async ask(args: readonly string[]): Promise<string> {
    const chunks: Buffer[] = [];
    for await (const chunk of this.run(args)) chunks.push(chunk);
    return Buffer.concat(chunks).toString('utf8');
  }

  /** What git writes, as it comes: it waits where nobody reads. Ends git when the reader stops. */
  private async *run(args: readonly string[]): AsyncGenerator<Buffer, void, undefined> {
    const child = spawn('git', [...GIT_OPTIONS, '-C', this.path, ...args], {
      shell: false,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: environment(),
      windowsHide: true,
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-MAX_ERROR_BYTES);
    });
    const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
    ended.catch(() => undefined); // where the reader has stopped nobody asks
    try {
      for await (const chunk of child.stdout) yield chunk as Buffer;
      const [code, signal] = await ended;
      if (code !== 0) throw new GitError(said.trim() || `git ended with ${signal ?? `code ${code}`}.`);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
      throw new AuditError(
        'There is no program `git` on the PATH. Install it from https://git-scm.com and try again.',
        { cause },
      );
    } finally {
      child.kill();
    }
  }
}

/** What git itself said. */
export class GitError extends AuditError {}

function environment(): NodeJS.ProcessEnv {
  return {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !LOCAL.has(name))),
    LC_ALL: 'C', // messages are looked into
    GIT_OPTIONAL_LOCKS: '0',
    GIT_TERMINAL_PROMPT: '0',
    GIT_NO_LAZY_FETCH: '1',
  };
}

/** What comes out of a store is not trusted to be no option. */
function hashes(...given: readonly string[]): readonly string[] {
  const wrong = given.find((hash) => !/^[0-9a-f]{40,64}$/.test(hash));
  if (wrong === undefined) return given;
  throw new AuditError(
    `"${wrong.slice(0, 80)}" is no hash of a commit: the store is not one of this program. Name another: --store <file>.`,
  );
}
