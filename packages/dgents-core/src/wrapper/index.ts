export { ForwardingAgent } from './forwarding-agent.js';
export { keyOf } from './key-of.js';
export { LentAgent } from './lent-agent.js';
export { eachItem, versionedView } from './views.js';
