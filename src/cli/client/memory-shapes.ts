/** What the API says of memories, as far as it is shown here. */
export interface MemoryShape {
  readonly id: string;
  readonly kind: string;
  readonly text: string;
  readonly about: string | null;
  readonly scope: { readonly kind: string; readonly of: string };
  readonly agent: string;
  readonly personId: string | null;
  readonly source: { readonly run: string; readonly ticket: string | null };
  readonly untrusted: boolean;
  readonly taint: readonly string[];
  readonly state: string;
  readonly askId: string | null;
  readonly against: readonly string[];
  readonly rememberedAt: string;
  readonly expiresAt: string;
}

export interface MemoryStoryShape extends MemoryShape {
  readonly told: readonly { readonly run: string; readonly agent: string; readonly at: string }[];
}
