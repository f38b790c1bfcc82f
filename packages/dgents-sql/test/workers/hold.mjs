/** Holds a lock of an SQLite file until it is told to go. Settings: path, begin. Tells { held }. */
import Database from 'better-sqlite3';
import { settings, tell, told } from '../../../dgents-core/test/workers/messages.mjs';

const database = new Database(settings.path);
database.exec(settings.begin);
tell({ held: true });
await told();
database.exec('ROLLBACK');
database.close();
