import type { PolicyManifest } from "#src/workspace/manifest/governance.ts";

/** What holds in a workspace without a policy of its own: looking and thinking are free, whatever reaches out needs a person, the rest is denied. */
export const BUILT_IN: Pick<PolicyManifest, "rules"> & { readonly source: string } = {
  source: "built-in",
  rules: [
    {
      name: "built-in-outward",
      when: { kind: ["message", "shell", "push", "handoff"] },
      then: "ask",
      why: "this workspace has no policy, so a person decides",
      quorum: 1,
      expiry: [],
    },
    { name: "built-in-model", when: { kind: ["model"] }, then: "allow", why: "thinking changes nothing outside", quorum: 1, expiry: [] },
    { name: "built-in-read", when: { effect: ["read"] }, then: "allow", why: "reading changes nothing", quorum: 1, expiry: [] },
  ],
};
