/** Counts one further in a PGlite directory, and tells the number as a query finds it. */
import { SQLAgent } from 'dgents-sql';

const url = `pglite:${process.argv[2]}?materialize=true`;
const agent = new SQLAgent({ url, initial: () => ({ count: 0 }) });
const { state } = await agent.update((draft) => {
  draft.count += 1;
});
const found = await agent.query({ where: [['count', '=', state.count]] });
await agent.close();
console.log(found[0]?.state.count);
