import { describeQueryModel } from '../../test/describe-query-model.js';
import { newDatabase, postgresUrl, type TestDatabase } from '../../test/postgres.js';
import { PostgresBackend } from '../postgres/postgres-backend.js';

const server = postgresUrl();

if (server === undefined) {
  test.skip('queries on postgres (skipped: no Postgres answers; set DATABASE_URL)', () => undefined);
} else {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await newDatabase(server);
  });
  afterAll(() => database.drop());
  describeQueryModel(
    'postgres',
    ({ materialize }) =>
      new PostgresBackend({ connectionString: database.url, materialize, poolOptions: { max: 3 } }),
  );
}
