/** What the kit has made and opened of a subject: a run that is ended from outside leaves none of it behind. */

/** How long closing and removing may take each: whoever ended the run is waiting. */
const PATIENCE_MS = 3_000;

/** What backends and agents have in common. */
interface Subject {
  create(): unknown;
  open(place: never, settings: never): unknown;
  destroy(place: never): unknown;
}

interface Handle {
  close?(): unknown;
}

export class Places {
  readonly #handles = new Map<unknown, Handle[]>();

  /** The same subject, whose places are known here. */
  watched<Given extends Subject>(subject: Given): Given {
    return {
      ...subject,
      create: async () => {
        const place = await subject.create();
        this.#handles.set(place, []);
        return place;
      },
      open: async (place: never, settings: never) => {
        const handle = await subject.open(place, settings);
        this.#handles.get(place)?.push(Object(handle));
        return handle;
      },
      destroy: async (place: never) => {
        this.#handles.delete(place);
        await subject.destroy(place);
      },
    };
  }

  /** Closes and removes what is still there; gives what went wrong. */
  async clear(destroy: Subject['destroy']): Promise<unknown[]> {
    const problems: unknown[] = [];
    for (const [place, handles] of this.#handles) {
      await Promise.all(handles.map((handle) => inTime(() => handle.close?.()).catch(() => undefined)));
      await inTime(() => destroy(place as never)).catch((error: unknown) => problems.push(error));
    }
    this.#handles.clear();
    return problems;
  }
}

async function inTime(call: () => unknown): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${PATIENCE_MS / 1000} s`)), PATIENCE_MS);
  });
  try {
    await Promise.race([(async () => call())(), late]);
  } finally {
    clearTimeout(timer);
  }
}
