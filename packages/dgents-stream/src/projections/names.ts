/**
 * Where a projection keeps things. A read model is a state like any other; what only the processor needs lies under keys
 * that start with `$`, which users cannot take.
 *
 *     projection:totals:#1:            the read model of version 1
 *     projection:totals:#1:tea:        one of several
 *     $projection:totals:              which version readers are given
 *     $checkpoint:totals:#1:           how far it is, where that cannot lie with one read model
 *     $lease:totals:#1:                who processes it
 *     $parked:totals:#1:               the events that it could not take
 */
import { key } from 'dgents-core';

/** What every key of the read models of one version starts with, and is where there is one only. */
export function modelKey(name: string, version: number, part?: string): string {
  return part === undefined ? key('projection', name, version) : key('projection', name, version, part);
}

export function pointerKey(name: string): string {
  return `$${key('projection', name)}`;
}

export function internalKey(what: 'checkpoint' | 'lease' | 'parked', name: string, version: number): string {
  return `$${key(what, name, version)}`;
}

/** What a version of a projection is called: by people, and as a consumer. */
export function idOf(name: string, version: number): string {
  return `${name}@${version}`;
}
