/** A time as a row brings it: a Date, or text where the row came as JSON. */
export type Instant = Date | string;

/** Milliseconds since 1970. */
export const msOf = (at: Instant): number => new Date(at).getTime();

export const msOrNull = (at: Instant | null): number | null => (at === null ? null : msOf(at));
