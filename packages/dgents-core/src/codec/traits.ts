/** What is known about a whole value, root and everything inside: a set of the bits below. */
export type Traits = number;

/** Something in it needs a tag: its document is not the value itself. */
export const TAGGED = 1;

/**
 * Something other than plain objects, arrays, Maps, Sets and primitives is in it (Date, RegExp, URL, bytes, Error,
 * class instance, null-prototype object, sparse array): a proxy-based draft cannot guard it against changes in place.
 */
export const EXOTIC = 2;

/** A Map has an object as a key: drafts hand keys out as they are. */
export const KEYED_BY_OBJECTS = 4;

/** Of what was decoded: an instance in it was stored by an older version of its class. It is not what is stored. */
export const OUTDATED = 8;
