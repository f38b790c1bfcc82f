import { describeFacets } from './describe-facets.js';
import { serverPlaces } from './places.js';

describeFacets(serverPlaces());
