import { z } from "zod";
import { PERMISSIONS, SCOPES, may } from "#src/people/permission.ts";
import type { Principal } from "#src/people/principal.ts";
import { ROLES } from "#src/people/role.ts";
import { listPrincipals, requirePrincipal } from "#src/people/store/principals.ts";
import { listTokens, requireToken, type Token } from "#src/people/store/tokens.ts";
import { createToken, requireTokenRight, revokeToken } from "#src/people/token.ts";
import { duration } from "#src/workspace/manifest/common.ts";
import { type App, callerOf } from "./app.ts";
import type { HttpDeps } from "./deps.ts";
import { idOf } from "./ids.ts";
import { performOnce, send } from "./once.ts";
import { idParams, isoOf, isoOrNull, text } from "./query.ts";

const principalView = z
  .object({
    id: z.string(),
    handle: z.string(),
    kind: z.enum(["person", "agent", "service"]),
    displayName: z.string(),
    roles: z.array(z.enum(ROLES)).readonly(),
    languages: z.array(z.string()).readonly(),
    looksAfter: z.record(z.string(), z.array(z.string()).readonly()),
    source: z.enum(["server", "workspace"]),
    createdAt: z.string(),
    disabledAt: z.string().nullable(),
  })
  .meta({ id: "Principal" });

function viewPrincipal(principal: Principal): z.infer<typeof principalView> {
  const { id, handle, kind, displayName, roles, languages, looksAfter, source, createdAtMs, disabledAtMs } = principal;
  return { id, handle, kind, displayName, roles, languages, looksAfter, source, createdAt: isoOf(createdAtMs), disabledAt: isoOrNull(disabledAtMs) };
}

const tokenView = z
  .object({
    id: z.string(),
    principalId: z.string(),
    handle: z.string(),
    label: z.string(),
    scopes: z.array(z.string()).readonly(),
    createdAt: z.string(),
    expiresAt: z.string().nullable(),
    revokedAt: z.string().nullable(),
  })
  .meta({ id: "Token" });

function viewToken({ createdAtMs, expiresAtMs, revokedAtMs, ...token }: Token): z.infer<typeof tokenView> {
  return { ...token, createdAt: isoOf(createdAtMs), expiresAt: isoOrNull(expiresAtMs), revokedAt: isoOrNull(revokedAtMs) };
}

export function peopleRoutes(app: App, { db }: HttpDeps): void {
  app.get(
    "/v1/people",
    {
      config: { access: "read" },
      schema: { summary: "Everyone who may act, disabled ones too.", tags: ["people"], response: { 200: z.object({ people: z.array(principalView) }) } },
    },
    async () => ({ people: (await listPrincipals(db)).map(viewPrincipal) }),
  );
  app.get(
    "/v1/me",
    {
      config: { access: "credential" },
      schema: {
        summary: "Whose token this is, and what it may do.",
        tags: ["people"],
        response: {
          200: z.object({ principal: principalView, tokenId: z.string(), scopes: z.array(z.string()).readonly(), permissions: z.array(z.enum(PERMISSIONS)) }),
        },
      },
    },
    async (request) => {
      const caller = callerOf(request);
      return {
        principal: viewPrincipal(caller),
        tokenId: caller.tokenId,
        scopes: caller.scopes,
        permissions: PERMISSIONS.filter((permission) => may(caller, permission)),
      };
    },
  );
}

const newToken = z
  .strictObject({
    principal: text(80).optional().describe("id or handle; left out: the caller"),
    label: text(80).refine((words) => words.trim() !== "", "expected what the token is for"),
    scopes: z.array(z.enum(SCOPES)).min(1, "expected at least one scope"),
    expiresIn: duration.optional().describe("such as 30d; left out: until it is revoked"),
  })
  .meta({ id: "NewToken" });

const madeToken = z
  .object({ value: z.string().nullable().describe("shown once; null when a repeat asks under the same Idempotency-Key"), token: tokenView })
  .meta({ id: "MadeToken" });

export function tokenRoutes(app: App, deps: HttpDeps): void {
  const { db, clock } = deps;
  app.get(
    "/v1/tokens",
    {
      config: { access: "credential" },
      schema: {
        summary: "Tokens without their values: all, or your own where you may not manage them.",
        tags: ["people"],
        response: { 200: z.object({ tokens: z.array(tokenView) }) },
      },
    },
    async (request) => {
      const caller = callerOf(request);
      return { tokens: (await listTokens(db, may(caller, "tokens:manage") ? undefined : caller.id)).map(viewToken) };
    },
  );
  app.post(
    "/v1/tokens",
    {
      config: { access: "tokens:manage" },
      schema: { summary: "Make a token. Its value is in this answer and nowhere else.", tags: ["people"], body: newToken, response: { 201: madeToken } },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const { label, scopes, expiresIn } = request.body;
      const principal = await requirePrincipal(db, request.body.principal ?? caller.id);
      requireTokenRight(caller, { principal, scopes });
      let value: string | null = null;
      const { status, body } = await performOnce(deps, request, async (joined) => {
        const made = await createToken(joined, clock, { principal, label, scopes, validForMs: expiresIn ?? null, by: caller.id });
        value = made.value; // never part of the reply that is kept
        return { status: 201, body: { token: viewToken(made.token) } };
      });
      return send(reply, { status, body: { value, token: body.token } });
    },
  );
}

export function revokeRoute(app: App, { db, clock }: HttpDeps): void {
  app.delete(
    "/v1/tokens/:id",
    {
      config: { access: "tokens:manage" },
      schema: {
        summary: "Revoke a token. From now on it opens nothing; open feeds of it end within seconds.",
        tags: ["people"],
        params: idParams,
        response: { 200: tokenView },
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const token = await requireToken(db, idOf("token", request.params.id));
      requireTokenRight(caller, { principal: await requirePrincipal(db, token.principalId), scopes: [] });
      return viewToken(await revokeToken(db, clock, { tokenId: token.id, by: caller.id }));
    },
  );
}
