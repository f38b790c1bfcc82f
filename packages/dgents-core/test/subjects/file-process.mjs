/** The file backend, durable through the end of a process, as a subject of the kit. */
import { fileBackend } from 'dgents-core';
import * as power from './file.mjs';

export const name = 'file, process';
export const importFrom = import.meta.url;
export const claims = { ...power.claims, durability: 'process' };
export const { create, destroy } = power;

export function open(place) {
  return fileBackend({ path: place, durability: 'process' });
}
