import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeQueries } from '../../test/describe-queries.js';
import { SQLAgent } from '../sql-agent.js';
import { SqliteBackend } from '../sqlite/sqlite-backend.js';

const path = join(tmpdir(), `dgents-queries-${randomUUID()}.db`);
afterAll(() => {
  for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true });
});

describeQueries('sqlite', ({ materialize }) => new SqliteBackend({ path, materialize }));

test('SQLite: a state that nests deeper than it reads is no silent gap', async () => {
  let nested: unknown = 1;
  for (let i = 0; i < 1_500; i++) nested = [nested];
  const backend = new SqliteBackend({ path: ':memory:', materialize: true });
  const agent = new SQLAgent<unknown>({ backend, codec: { maxDepth: 2_000 } });
  await agent.save({ name: 'deep', nested });
  const refusal = { code: 'DGENTS_UNSUPPORTED', message: expect.stringContaining('1,000 levels') };
  await expect(agent.query({ where: [['name', '=', 'deep']] })).rejects.toMatchObject(refusal);
  await expect(agent.createIndex('name')).rejects.toMatchObject(refusal);
  expect(await agent.query()).toHaveLength(1);
  await backend.close();
});
