export type { ClassMigrations } from '../codec/codec.js';
export type { StateClass } from './declared.js';
export { Field, type FieldDecorator, type FieldOptions } from './field.js';
export type { Shape } from './shape.js';
export { anything, json, mapOf, oneOf, recordOf, setOf } from './shapes.js';
export { State, type StateDecorator, type StateOptions } from './state.js';
export { type ClassState, type ClassStateOptions, classCodecs, stateOf } from './state-of.js';
export type { FieldType } from './types.js';
