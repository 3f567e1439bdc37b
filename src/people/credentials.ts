import { readFile, rename, writeFile } from "node:fs/promises";
import type { Db } from "#src/database/open.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { ensureAgentPrincipal } from "./agent-principal.ts";
import { ensureOwner } from "./owner.ts";
import { requireToken } from "./store/tokens.ts";
import { authenticate, createToken } from "./token.ts";

/** `$LOOP_HOME/credentials.json`: how the command line of this account speaks to this server. Readable by its owner alone. */
export interface Credentials {
  readonly url: string;
  readonly handle: string;
  readonly token: string;
}

/** Makes the owner and the file where they are missing; a token that still counts is kept. Safe at every start. */
export async function ensureCredentials(db: Db, clock: Clock, place: { file: string; url: string; avoid: readonly string[] }): Promise<Credentials> {
  const { principal } = await ensureOwner(db, clock, { avoid: place.avoid });
  const before = await readCredentials(place.file);
  if (before && (await authenticate(db, before.token))?.id === principal.id) {
    if (before.url !== place.url) await writeCredentials(place.file, { ...before, url: place.url });
    return { ...before, url: place.url };
  }
  const { value } = await createToken(db, clock, { principal, label: "credentials.json", scopes: ["*"], validForMs: null, by: "system" });
  const credentials = { url: place.url, handle: principal.handle, token: value };
  await writeCredentials(place.file, credentials);
  return credentials;
}

/** Whoever decides in the name of the workspace. */
const ROOT_AGENT = "root";
const ROOT_SCOPES = ["read", "tickets:write", "pulse:steer", "pulse:work"] as const;
const ROOT_VALID_MS = 30 * 86_400_000;
const ROOT_RENEWED_MS = 10 * 86_400_000;

/**
 * `$LOOP_HOME/root.json`: how an agent session of this account that decides (`loop _ …`) speaks to this server: as the root agent, never as a person. Its token
 * expires; a start makes a new one in time.
 */
export async function ensureRootCredentials(db: Db, clock: Clock, place: { file: string; url: string }): Promise<Credentials> {
  const principal = await ensureAgentPrincipal(db, clock, { name: ROOT_AGENT, role: "agent" });
  const before = await readCredentials(place.file);
  const caller = before && (await authenticate(db, before.token));
  if (before && caller?.id === principal.id && (await requireToken(db, caller.tokenId)).expiresAtMs! > clock.nowMs() + ROOT_RENEWED_MS) {
    if (before.url !== place.url) await writeCredentials(place.file, { ...before, url: place.url });
    return { ...before, url: place.url };
  }
  const { value } = await createToken(db, clock, { principal, label: "root.json", scopes: ROOT_SCOPES, validForMs: ROOT_VALID_MS, by: "system" });
  const credentials = { url: place.url, handle: principal.handle, token: value };
  await writeCredentials(place.file, credentials);
  return credentials;
}

/** Whether the file holds a token that counts in this database. */
export async function countsHere(db: Db, file: string): Promise<boolean> {
  const held = await readCredentials(file);
  return held !== undefined && (await authenticate(db, held.token)) !== undefined;
}

async function readCredentials(file: string): Promise<Credentials | undefined> {
  try {
    const read = JSON.parse(await readFile(file, "utf8")) as Partial<Credentials> | null;
    return typeof read?.token === "string" ? { url: read.url ?? "", handle: read.handle ?? "", token: read.token } : undefined;
  } catch {
    return undefined; // missing or damaged: a new one is made
  }
}

async function writeCredentials(file: string, credentials: Credentials): Promise<void> {
  await writeFile(`${file}.new`, `${JSON.stringify(credentials, null, 2)}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
}
