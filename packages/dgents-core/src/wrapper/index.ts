export { ForwardingAgent, type Wrapped } from './forwarding-agent.js';
export { keyOf } from './key-of.js';
export { eachItem, versionedView } from './views.js';
