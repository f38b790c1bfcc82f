import { describeProjections } from './describe-projections.js';
import { serverPlaces } from './places.js';

describeProjections(serverPlaces());
