import { describeCompaction } from '../../test/describe-compaction.js';
import { LOCAL_PLACES } from '../../test/places.js';

describeCompaction(LOCAL_PLACES);
