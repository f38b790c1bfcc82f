/** Small file systems to fill up. Needs root; everything mounted is unmounted by {@link unmountAll}. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const mounted: string[] = [];

/** Why nothing can be mounted here; undefined when it can. */
export function mountProblem(): string | undefined {
  if (process.platform !== 'linux') return `tmpfs is for Linux, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'mounting needs root';
  try {
    unmount(mountSmall('size=64k'));
    return undefined;
  } catch {
    return 'mounting is not permitted here';
  }
}

/** A tmpfs with these limits. */
export function mountSmall(limits: string): string {
  const path = mkdtempSync(join(tmpdir(), 'dgents-mount-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', limits, 'tmpfs', path], { stdio: 'ignore' });
  mounted.push(path);
  return path;
}

/** The same directory again, at another path, where nothing can be written. */
export function mountReadOnly(directory: string): string {
  const path = mkdtempSync(join(tmpdir(), 'dgents-mount-'));
  execFileSync('mount', ['--bind', directory, path], { stdio: 'ignore' });
  mounted.push(path);
  execFileSync('mount', ['-o', 'remount,ro,bind', path], { stdio: 'ignore' });
  return path;
}

export function remount(path: string, options: string): void {
  execFileSync('mount', ['-o', `remount,${options}`, path], { stdio: 'ignore' });
}

export function unmount(path: string): void {
  mounted.splice(mounted.indexOf(path), 1);
  execFileSync('umount', ['-l', path], { stdio: 'ignore' });
  rmSync(path, { recursive: true, force: true });
}

export function unmountAll(): void {
  for (const path of [...mounted]) unmount(path);
}
