/** What a question may see. */
export interface Sight {
  readonly scopes: readonly string[];
  /** Items that happened longer ago are left out; an item without a time is not. */
  readonly maxAgeMs: number;
}
