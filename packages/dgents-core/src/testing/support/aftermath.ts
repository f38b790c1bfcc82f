/** How long a server may need for what a client has sent that died then, in milliseconds. */
const AFTERMATH_MS = 300;
const LOOK_MS = 20;

/**
 * Waits for what a writer had sent before it was killed. A store within reach of the host ends with its writer; a server
 * on the network goes on with the statement that it was given, and whoever looks too soon sees the log before it.
 *
 * @param hasArrived whether all that can come is there
 */
export async function aftermath(sharing: string, hasArrived: () => Promise<boolean>): Promise<void> {
  if (sharing !== 'network') return;
  const end = performance.now() + AFTERMATH_MS;
  while (performance.now() < end && !(await hasArrived())) {
    await new Promise((resolve) => {
      setTimeout(resolve, LOOK_MS);
    });
  }
}
