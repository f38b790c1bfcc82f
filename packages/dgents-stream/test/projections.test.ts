import { describeProjections } from './describe-projections.js';
import { LOCAL_PLACES } from './places.js';

describeProjections(LOCAL_PLACES);
