import { describeConsumers } from './describe-consumers.js';
import { serverPlaces } from './places.js';

describeConsumers(serverPlaces());
