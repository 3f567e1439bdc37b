import { type BrainItem, type FileLayer, sealItem, WORKSPACE_SCOPE } from "#src/brain/item.ts";

/** An item of a file; `source` names it unless a test says more. */
export function brainItem<L extends FileLayer>(layer: L, facts: { readonly source: string } & Partial<Omit<BrainItem<L>, "layer" | "digest">>): BrainItem<L> {
  return sealItem<L>({
    id: `${layer}:${facts.source}`,
    layer,
    title: facts.source,
    body: "",
    phrases: [],
    data: {},
    labels: {},
    categories: [],
    scope: WORKSPACE_SCOPE,
    trust: "owner",
    author: null,
    language: null,
    happenedAtMs: null,
    expiresAtMs: null,
    ...facts,
  });
}
