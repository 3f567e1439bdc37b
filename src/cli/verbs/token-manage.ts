import type { TokenShape } from "../client/shapes.ts";
import { idPath } from "../references.ts";
import type { Verb } from "../verb.ts";

export const tokenList: Verb = {
  args: "",
  flags: {},
  words: { least: 0, most: 0 },
  examples: ["loop token list"],
  async run(_given, context) {
    const body = await context.api().get("/v1/tokens");
    if (context.json) return context.print(body);
    const { tokenListText } = await import("../render/tokens.ts");
    context.print(tokenListText((JSON.parse(body) as { tokens: TokenShape[] }).tokens, await context.look()));
  },
};

export const tokenCreate: Verb = {
  args: "<label>",
  flags: {
    for: { takes: "text", value: "handle", means: "whose token it is; left out: yours" },
    scope: {
      takes: "list",
      value: "scope",
      means:
        "what it may do: read, tickets:write, asks:answer, asks:override, runs:control, models:call, services:call, tokens:manage, … or *; may come several times; left out: read",
    },
    expires: { takes: "text", value: "time", means: "such as 30d; left out: until it is revoked" },
  },
  words: { least: 1, most: 1 },
  about: "The value is printed once, to standard output, and kept nowhere: only its digest is.",
  examples: ["loop token create dashboard --scope read --expires 30d", "loop token create 'phone of Putu' --for putu --scope '*'"],
  async run(given, context) {
    const scopes = given.list("scope");
    const body = await context.api().post("/v1/tokens", {
      label: given.words[0]!,
      scopes: scopes.length === 0 ? ["read"] : scopes,
      principal: given.text("for"),
      expiresIn: given.text("expires"),
    });
    if (context.json) return context.print(body);
    const { value, token } = JSON.parse(body) as { value: string | null; token: TokenShape };
    context.say(`Token ${token.id} of ${token.handle} (${token.scopes.join(", ")}). It is shown this once:`);
    context.print(value ?? "");
  },
};

export const tokenRevoke: Verb = {
  args: "<token>",
  flags: {},
  words: { least: 1, most: 1 },
  examples: ["loop token revoke tkn_0199c0ffee00712a8b6e5d4c3b2a1908"],
  async run(given, context) {
    const body = await context.api().delete(`/v1/tokens/${idPath(given.words[0]!)}`);
    context.print(context.json ? body : `Token ${(JSON.parse(body) as TokenShape).id} opens nothing any more.`);
  },
};
