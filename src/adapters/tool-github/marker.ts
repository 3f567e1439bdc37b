/** A line that a reader does not see and the next try finds: it says which act wrote this. */
export const markerOf = (actKey: string): string => `<!-- loopwright:${actKey} -->`;

export const marked = (body: string, actKey: string): string => `${body.trimEnd()}\n\n${markerOf(actKey)}`;

/** How far back is looked: an act is looked for right after the try that may have done it. */
export const PAGES = 3;
export const PER_PAGE = 100;

/** What a reader is shown of a text: our own marks are no news, and a copied one must not look like one of ours. */
export const unmarked = (body: string): string => body.replaceAll(/(?<!\s)\s*<!-- loopwright:[\w.:-]{1,100} -->/g, "");
