import type { Transaction } from "#src/database/open.ts";
import type { NewEvent } from "#src/journal/event.ts";
import { append } from "#src/journal/store/append.ts";
import { canonicalJson } from "#src/kernel/canonical-json.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { newId } from "#src/kernel/ids.ts";
import type { Principal, PrincipalKind } from "./principal.ts";
import type { Role } from "./role.ts";
import { disablePrincipals, insertPrincipal, type NewPrincipal, updateFromTeam } from "./store/change-principals.ts";
import { deleteIdentities, findIdentities, type Identity, insertIdentities } from "./store/identities.ts";
import { lockForTeam } from "./store/principals.ts";

/** A member as the team files of a workspace have it. */
export interface TeamMember {
  /** The handle. */
  readonly id: string;
  readonly name: string;
  readonly roles: readonly Role[];
  readonly groups: readonly string[];
  readonly languages: readonly string[];
  readonly looksAfter: Readonly<Record<string, readonly string[]>>;
  readonly identities: readonly { readonly surface: string; readonly id: string }[];
  /** The file. */
  readonly source: string;
}

/** Handles, in the order of the files. */
export interface TeamChanges {
  readonly created: readonly string[];
  readonly changed: readonly string[];
  readonly disabled: readonly string[];
}

/**
 * Makes the principals of the workspace what its team files say: the roles of the file are the roles in force, a member who is gone is disabled, one who is
 * back is enabled. Every change is an event; no change, no event. @throws LoopError handle_taken | identity_taken
 */
export async function syncTeam(tx: Transaction, clock: Clock, team: readonly TeamMember[]): Promise<TeamChanges> {
  const known = new Map(
    (
      await lockForTeam(
        tx,
        team.map(({ id }) => id),
      )
    ).map((principal) => [principal.handle, principal]),
  );
  const members = team.map((member) => ({ member, before: known.get(member.id), after: principalOf(clock, member, known.get(member.id)) }));
  for (const { member, before } of members) requireOwn(member, before);

  const created = members.filter(({ before }) => before === undefined);
  const moved = members.filter(({ before, after }) => before !== undefined && (before.disabledAtMs !== null || shapeOf(before) !== shapeOf(after)));
  const handles = new Set(team.map(({ id }) => id));
  const gone = [...known.values()].filter(({ handle, source, disabledAtMs }) => source === "workspace" && disabledAtMs === null && !handles.has(handle));

  for (const { member, after } of created) if (!(await insertPrincipal(tx, after))) throw taken(member);
  for (const { after } of moved) await updateFromTeam(tx, after);
  if (gone.length > 0)
    await disablePrincipals(
      tx,
      gone.map(({ id }) => id),
    );
  const reached = await syncIdentities(tx, members, gone);

  const changed = members.filter((one) => !created.includes(one) && (moved.includes(one) || reached.has(one.after.handle)));
  const events = [
    ...created.map(({ after, member }) => event("created", after, member)),
    ...changed.map(({ after, member }) => event("changed", after, member)),
    ...gone.map((principal) => event("disabled", principal)),
  ];
  if (events.length > 0) await append(tx, clock, events);
  return { created: created.map(handleOf), changed: changed.map(handleOf), disabled: gone.map(({ handle }) => handle) };
}

interface Seat {
  readonly member: TeamMember;
  readonly before: Principal | undefined;
  readonly after: NewPrincipal;
}

const handleOf = ({ after }: Seat): string => after.handle;

function principalOf(clock: Clock, member: TeamMember, before: Principal | undefined): NewPrincipal {
  const { id: handle, name: displayName, roles, groups, languages, looksAfter } = member;
  return { id: before?.id ?? newId("prn", clock.nowMs()), handle, kind: kindOf(roles), displayName, roles, groups, languages, looksAfter, source: "workspace" };
}

const kindOf = (roles: readonly Role[]): PrincipalKind => (roles.every((role) => role === "agent" || role === "worker") ? "agent" : "person");

/** All that a file says of a principal, comparable. */
const shapeOf = ({ kind, displayName, roles, groups, languages, looksAfter }: NewPrincipal): string =>
  canonicalJson({ kind, displayName, roles, groups, languages, looksAfter });

function requireOwn(member: TeamMember, before: Principal | undefined): void {
  if (before?.source === "server") throw taken(member);
}

function taken(member: TeamMember): LoopError {
  return new LoopError(
    "handle_taken",
    `${member.source} has a member ${member.id}, and that is the name of a principal which this server made. Give the member another id.`,
    { facts: { handle: member.id, file: member.source } },
  );
}

/** Who is gone loses all identities. Gives the handles of those who stay and whose identities are others now. */
async function syncIdentities(tx: Transaction, seats: readonly Seat[], left: readonly Principal[]): Promise<ReadonlySet<string>> {
  const wanted = seats.flatMap(({ member, after }) => member.identities.map(({ surface, id }) => ({ surface, externalId: id, principalId: after.id })));
  const leftIds = left.map(({ id }) => id);
  const present = await findIdentities(tx, { principalIds: [...seats.map(({ after }) => after.id), ...leftIds], wanted });
  const keyOf = ({ surface, externalId, principalId }: Identity): string => JSON.stringify([surface, externalId, principalId]);
  const wantedKeys = new Set(wanted.map(keyOf));
  const presentKeys = new Set(present.map(keyOf));
  const mine = new Map(seats.map(({ after }) => [after.id as string, after.handle]));
  const gone = present.filter((one) => leftIds.includes(one.principalId) || (mine.has(one.principalId) && !wantedKeys.has(keyOf(one))));
  const added = [...new Map(wanted.filter((one) => !presentKeys.has(keyOf(one))).map((one) => [keyOf(one), one])).values()];

  const nameOf = ({ surface, externalId }: Identity): string => JSON.stringify([surface, externalId]);
  const staying = [...present.filter((one) => !gone.includes(one)), ...added];
  const twice = staying.find((one, index) => staying.findIndex((other) => nameOf(other) === nameOf(one)) !== index);
  if (twice) throw identityTaken(twice, mine.get(twice.principalId) ?? twice.principalId);
  if (gone.length > 0) await deleteIdentities(tx, gone);
  if (added.length > 0) await insertIdentities(tx, added);
  return new Set([...gone, ...added].flatMap(({ principalId }) => mine.get(principalId) ?? []));
}

function identityTaken({ surface, externalId }: Identity, handle: string): LoopError {
  return new LoopError(
    "identity_taken",
    `${externalId} on ${surface} is ${handle} and somebody else too. Each user of a surface is one person; take it from one of the two.`,
    {
      facts: { surface, handle },
    },
  );
}

function event(what: "created" | "changed" | "disabled", principal: NewPrincipal, member?: TeamMember): NewEvent {
  const { handle, kind, roles, source } = principal;
  const identities = member && { identities: member.identities.map(({ surface, id }) => `${surface}:${id}`) };
  return { kind: "principal.changed", actor: "system", payload: { what, handle, kind, roles: [...roles], source, ...identities } };
}
