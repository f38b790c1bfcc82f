/** Places that no handle of this process has opened: some stores let in one process at a time, or prepare only once. */
interface Subject {
  create(): unknown;
  destroy(place: never): unknown;
}

/** An empty place that nobody has opened, for as long as the work takes. */
export async function withFreshPlace<T>(subject: Subject, work: (place: unknown) => Promise<T>): Promise<T> {
  return withFreshPlaces(subject, 1, ([place]) => work(place));
}

export async function withFreshPlaces<T>(
  subject: Subject,
  count: number,
  work: (places: readonly unknown[]) => Promise<T>,
): Promise<T> {
  const places: unknown[] = [];
  try {
    while (places.length < count) places.push(await subject.create());
    return await work(places);
  } finally {
    for (const place of places) await subject.destroy(place as never);
  }
}
