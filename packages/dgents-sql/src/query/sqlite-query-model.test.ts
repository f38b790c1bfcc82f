import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeQueryModel } from '../../test/describe-query-model.js';
import { SqliteBackend } from '../sqlite/sqlite-backend.js';

const folder = mkdtempSync(join(tmpdir(), 'dgents-query-model-'));
afterAll(() => rmSync(folder, { recursive: true }));

describeQueryModel(
  'sqlite',
  ({ materialize }) =>
    new SqliteBackend({ path: join(folder, 'state.db'), durability: 'process', materialize }),
);
