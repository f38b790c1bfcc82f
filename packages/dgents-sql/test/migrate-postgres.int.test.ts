/** All states of a Postgres database brought to a new schema version. */
import { describeMigration } from '../../dgents-core/test/describe-migration.js';
import { PostgresBackend } from '../src/index.js';
import { newDatabase, postgresUrl, type TestDatabase } from './postgres.js';

const server = postgresUrl();
const reason = server === undefined ? ' (skipped: no Postgres answers; set DATABASE_URL)' : '';
const withPostgres = server === undefined ? describe.skip : describe;

withPostgres(`a Postgres database${reason}`, () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await newDatabase(server as string);
  });
  beforeEach(async () => {
    await database.say('DROP SCHEMA IF EXISTS public CASCADE');
    await database.say('CREATE SCHEMA public');
  });
  afterAll(() => database?.drop());

  describeMigration(() => new PostgresBackend({ connectionString: database.url }));
});
