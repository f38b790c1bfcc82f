/** Looks on while something is being done, again and again, until it is over; fails if either fails. */
export async function lookingOn(
  looks: readonly (() => Promise<void>)[],
  work: () => Promise<void>,
): Promise<void> {
  let over = false;
  const repeat = async (look: () => Promise<void>): Promise<void> => {
    do {
      await look();
      await new Promise(setImmediate);
    } while (!over);
  };
  // Settled, so that a failure is not unhandled while the work goes on.
  const looking = Promise.allSettled(looks.map(repeat));
  try {
    await work();
  } finally {
    over = true;
    await looking;
  }
  for (const looked of await looking) if (looked.status === 'rejected') throw looked.reason;
}
