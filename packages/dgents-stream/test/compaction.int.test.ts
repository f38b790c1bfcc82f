import { describeCompaction } from './describe-compaction.js';
import { serverPlaces } from './places.js';

describeCompaction(serverPlaces());
