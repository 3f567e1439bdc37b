/** Where several sources decide, each says why in one sentence; these are they, one by one. */
export const reasonsIn = (why: string): string[] => why.split(/; (?=\S+:\S+ (?:asks|denies|allows)\b)/);
