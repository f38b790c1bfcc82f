/** Migrates all states of a directory. Tells { key } after each, and { report } in the end. */
import { fileBackend, migrateAll, Store } from 'dgents-core';
import { settings, tell } from './messages.mjs';

const { directory } = settings;
const store = new Store(fileBackend({ path: directory, durability: 'process' }));
const { failed, ...report } = await migrateAll(store, {
  prefix: 'user:',
  schemaVersion: 2,
  migrations: { 1: ({ name }) => ({ first: name, tags: [] }) },
  onProgress: ({ key, last }) => tell({ key, last }),
});
await store.close();
tell({ report: { ...report, failed: failed.length } });
