/** The kit for a wrapper: what it passes on, then everything that an agent promises. */
import { agentSuites } from '../agent/index.js';
import { onAgentBench } from '../agent-bench.js';
import { claimsOf } from '../claims.js';
import { type EffortName, effortOf } from '../effort.js';
import { Blame, type Plan, planSuites } from '../plan.js';
import { waivedOf } from '../subject.js';
import { onWrapperBench } from './bench.js';
import { wrapperSuites } from './index.js';
import { spelledOutWrapper, type WrapperSubject } from './subject.js';

export function planWrapper<Inner>(
  subject: WrapperSubject<Inner>,
  options: { readonly effort?: EffortName; readonly seed?: number },
): Plan {
  const given = spelledOutWrapper(subject);
  const { agents } = given;
  const effort = effortOf(options);
  const blame = new Blame();
  const waivers = subject.waivers ?? {};
  return {
    subject: subject.name,
    ...claimsOf(given.claims),
    waived: waivedOf(waivers),
    effort,
    suites: [
      ...planSuites(
        { suites: wrapperSuites, subject: given, on: (check) => onWrapperBench(given, check) },
        blame,
        waivers,
      ),
      // What a wrapper drops looks like any other fault from outside, so none of this is judged then.
      ...planSuites(
        {
          suites: agentSuites,
          subject: agents,
          about: 'wrapped agents',
          on: (check) => onAgentBench(agents, effort, check),
          presumes: 'forwarding',
        },
        blame,
        waivers,
      ),
    ],
  };
}
