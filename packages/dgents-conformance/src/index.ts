/** What the command prints, for those who run the kit by themselves. */
export { type Badge, badge } from './badge.js';
export type { Paint, Tone } from './painter.js';
export { markdown, scoreboard } from './scoreboard.js';
export {
  type Failure,
  type Finding,
  type Row,
  type Run,
  type Status,
  type Summary,
  summaryOf,
} from './summary.js';
