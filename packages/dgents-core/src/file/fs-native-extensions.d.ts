/** The part of fs-native-extensions that is used; the package has no types of its own. */
declare module 'fs-native-extensions' {
  export function tryLock(descriptor: number, offset?: number, length?: number): boolean;
  export function unlock(descriptor: number, offset?: number, length?: number): void;
}
