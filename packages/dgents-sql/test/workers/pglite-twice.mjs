/** Opens a PGlite directory that is open already, here and in another process, and tells what came of it. */
import { execFileSync } from 'node:child_process';
import { SQLAgent } from 'dgents-sql';

const [directory, isOther] = process.argv.slice(2);
const count = async () => {
  const agent = new SQLAgent({ url: `pglite:${directory}`, initial: () => 0, timeoutMs: 60_000 });
  return {
    agent,
    counted: await agent
      .update((n) => n + 1)
      .then(
        ({ state }) => state,
        ({ code }) => code,
      ),
  };
};

if (isOther) {
  const { agent, counted } = await count();
  await agent.close();
  console.log(counted);
} else {
  const { agent, counted: first } = await count();
  const { agent: second, counted: same } = await count();
  await second.close();
  const other = execFileSync(process.execPath, [process.argv[1], directory, 'other'], {
    encoding: 'utf8',
  }).trim();
  await agent.close();
  const { agent: third, counted: after } = await count();
  await third.close();
  console.log(JSON.stringify({ first, same, other, after }));
}
