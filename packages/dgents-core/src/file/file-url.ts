/** `file:` URLs: a directory with one journal for each key. */
import { fileURLToPath } from 'node:url';
import type { Backend } from '../backend.js';
import { UnsupportedError } from '../errors.js';
import { FileBackend } from './file-backend.js';

/**
 * Makes the directory, so that what cannot be written to is noticed here.
 *
 * `file:./state`, `file:///var/lib/agent`, `file:C:/state`; `?durability=process` for speed over power cuts.
 * @throws UnsupportedError for other options; StorageUnavailableError or StorageFullError when there can be no directory
 */
export async function fileBackendOf(url: string): Promise<Backend> {
  const [location = '', query = ''] = url.slice('file:'.length).split(/\?(.*)/s);
  if (/^\/\/[^/]/.test(location) && !location.startsWith('//localhost/')) {
    throw new UnsupportedError(
      `file: knows no hosts. Did you mean 'file:${location.slice(2)}', with one slash or none?`,
    );
  }
  const path = location.startsWith('//') ? fileURLToPath(`file:${location}`) : decodeURIComponent(location);
  if (path.startsWith('~')) {
    throw new UnsupportedError(
      'file: does not expand "~". Give the whole path, or join it with os.homedir().',
    );
  }
  if (path === '') throw new UnsupportedError("file: needs a directory, as in 'file:./state'.");
  const parameters = new URLSearchParams(query);
  const durability = parameters.get('durability') ?? 'power';
  parameters.delete('durability');
  const [unknown] = parameters.keys();
  if (unknown !== undefined)
    throw new UnsupportedError(`file: takes no option "${unknown}"; only durability.`);
  if (durability !== 'power' && durability !== 'process') {
    throw new UnsupportedError(`file: takes durability=power or durability=process, not "${durability}".`);
  }
  const backend = new FileBackend({ path, durability });
  await backend.prepare();
  return backend;
}
