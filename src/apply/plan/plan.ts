import { isDeepStrictEqual } from "node:util";
import { difference } from "#src/workspace/difference.ts";
import { type FileSet, type Place, placeOf } from "#src/workspace/files.ts";
import type { Workspace } from "#src/workspace/model.ts";
import { agentSaid } from "./agents.ts";
import { budgetSaid, budgetSubject } from "./budgets.ts";
import type { Effect, PowerChange, Said } from "./change.ts";
import { serviceSaid, triggerSaid } from "./endpoints.ts";
import { policiesSaid, ruleSaid } from "./policies.ts";
import { sensorSaid } from "./sensors.ts";
import { skillSaid, sopSaid } from "./procedures.ts";
import { memberSaid } from "./team.ts";
import { toolServerSaid } from "./tool-servers.ts";
import { manifestSaid, priceSaid, providerSaid } from "./whole.ts";

export interface Plan {
  /** Whether anything in `power` is wider. */
  readonly widens: boolean;
  /** What widens first, then what narrows, then the rest. */
  readonly power: readonly PowerChange[];
  /** Direction and knowledge, in words. */
  readonly live: readonly { readonly file: string; readonly words: string }[];
}

/** A sound workspace with the files that it was read from; null for none. */
export interface Side {
  readonly files: FileSet;
  readonly workspace: Workspace;
}

/**
 * What comes with a second set of files, in plain words, power first. What the comparison of meaning has no words for is shown as the files say it, and taken
 * to be a gain, so that nothing comes into force unseen. Pure.
 */
export function planOf(before: Side | null, after: Side): Plan {
  const raw = difference(before?.files ?? new Map(), after.files);
  const said = powerSaid(before ?? nothingOf(after), after);
  const code = codeSaid(before?.files ?? new Map(), after.files);
  const known = [...said, ...code];
  const files = new Set(known.map(({ file }) => file));
  const rest = raw.power
    .filter(({ file }) => !files.has(file) && !SAID_WITH.has(placeOf(file)!))
    .map(({ file, words }) => ({ file, words, effect: placeOf(file) === "skillFile" ? ("same" as const) : ("wider" as const) }));
  const power = [...known, ...rest].toSorted((a, b) => ORDER[a.effect] - ORDER[b.effect] || (a.file < b.file ? -1 : a.file > b.file ? 1 : 0));
  return { widens: power.some(({ effect }) => effect === "wider"), power, live: raw.live.map(({ file, words }) => ({ file, words })) };
}

/** What these files say is said with the provider, the skill and the people that they describe. */
const SAID_WITH: ReadonlySet<Place> = new Set(["modelProvider", "skillMetadata", "team"]);

const ORDER: Readonly<Record<Effect, number>> = { wider: 0, narrower: 1, same: 2 };

type Compared<T> = readonly [before: T | undefined, after: T | undefined];

/** Pairs by name; what is there on one side only has no partner. */
function pairs<T>(before: readonly T[], after: readonly T[], nameOf: (one: T) => string): Compared<T>[] {
  const [old, now] = [new Map(before.map((one) => [nameOf(one), one])), new Map(after.map((one) => [nameOf(one), one]))];
  return [...new Set([...old.keys(), ...now.keys()])].map((name) => [old.get(name), now.get(name)]);
}

function powerSaid({ workspace: before }: Side, { workspace: after, files }: Side): PowerChange[] {
  const named = <T extends { readonly name: string; readonly source: string }>(old: readonly T[], now: readonly T[], of: Speaker<T>): PowerChange[] =>
    pairs(old, now, ({ name }) => name).flatMap(([a, b]) => sentences((b ?? a)!.source, of.subject((b ?? a)!), of.said(a, b)));
  return [
    ...named(before.agents, after.agents, { subject: ({ name }) => name, said: (a, b) => agentSaid(a, b, { now: after }) }),
    ...rulesSaid(before, after),
    ...budgetsSaid(before, after),
    ...pairs(before.team, after.team, ({ id }) => id).flatMap(([a, b]) => sentences((b ?? a)!.source, (b ?? a)!.id, memberSaid(a, b))),
    ...named(declaredServers(before), declaredServers(after), { subject: ({ name }) => `the tools of ${name}:`, said: toolServerSaid }),
    ...named(before.services, after.services, { subject: ({ name }) => `the service ${name}`, said: serviceSaid }),
    ...named(before.triggers, after.triggers, { subject: ({ name }) => `the trigger ${name}`, said: triggerSaid }),
    ...named(before.sensors, after.sensors, { subject: ({ name }) => `the sensor ${name}`, said: sensorSaid }),
    ...wholeSaid(before, after, files),
    ...pairs(before.sops, after.sops, ({ id }) => id).flatMap(([a, b]) => sentences((b ?? a)!.source, `the SOP ${(b ?? a)!.id}`, sopSaid(a, b))),
    ...named(before.skills, after.skills, { subject: ({ name }) => `the skill ${name}`, said: skillSaid }),
  ];
}

interface Speaker<T> {
  readonly subject: (one: T) => string;
  readonly said: (before: T | undefined, after: T | undefined) => readonly Said[];
}

const sentences = (file: string, subject: string, said: readonly Said[]): PowerChange[] =>
  said.map(([effect, words]) => ({ effect, file, words: `${subject} ${words}` }));

/** Those with a file of their own: what a file of code brings is said of the file. */
const declaredServers = ({ toolServers }: Workspace): Workspace["toolServers"] =>
  toolServers.filter(({ from, source }) => from.by !== "code" || from.file !== source);

function rulesSaid(before: Workspace, after: Workspace): PowerChange[] {
  const rulesOf = ({ policies }: Workspace) => policies.flatMap(({ rules, source }) => rules.map((rule) => ({ rule, source })));
  const byRule = pairs(rulesOf(before), rulesOf(after), ({ rule }) => rule.name).flatMap(([a, b]) =>
    sentences((b ?? a)!.source, `the rule ${(b ?? a)!.rule.name}`, ruleSaid(a?.rule, b?.rule)),
  );
  return [
    ...policiesSaid(before.policies, after.policies).map(([effect, words]) => ({ effect, words, file: (after.policies[0] ?? before.policies[0])!.source })),
    ...byRule,
  ];
}

function budgetsSaid(before: Workspace, after: Workspace): PowerChange[] {
  const known = new Set(before.agents.map(({ name }) => name));
  const kept = new Set(after.agents.map(({ name }) => name));
  return pairs(before.budgets, after.budgets, ({ name }) => name).flatMap(([a, b]) => {
    const budget = (b ?? a)!;
    const agent = "agent" in budget.scope ? budget.scope.agent : undefined;
    const isOfNew = agent !== undefined && (b ? !known.has(agent) : !kept.has(agent));
    return sentences(budget.source, budgetSubject(budget), budgetSaid(a, b, isOfNew));
  });
}

function wholeSaid({ manifest: before }: Workspace, { manifest: after }: Workspace, files: FileSet): PowerChange[] {
  const entries = <T>(old: Readonly<Record<string, T>>, now: Readonly<Record<string, T>>): (readonly [string, Compared<T>])[] =>
    [...new Set([...Object.keys(old), ...Object.keys(now)])]
      .map((name) => [name, [old[name], now[name]] as const] as const)
      .filter(([, [a, b]]) => !isDeepStrictEqual(a, b));
  return [
    ...sentences(after.source, "the workspace", manifestSaid(before, after)),
    ...entries(before.providers, after.providers).flatMap(([name, [a, b]]) => sentences(providerFile(name, files), name, providerSaid(a, b))),
    ...entries(before.prices, after.prices).flatMap(([name, [a, b]]) => sentences(after.source, name, priceSaid(a, b))),
  ];
}

const providerFile = (name: string, files: FileSet): string => [`models/${name}.yaml`, `models/${name}.yml`].find((file) => files.has(file)) ?? "loop.yaml";

/** Nothing was in force: all of it is new. */
function nothingOf({ workspace }: Side): Side {
  const { manifest } = workspace;
  const nothing: Workspace = {
    ...workspace,
    manifest: { ...manifest, models: undefined, providers: {}, prices: {}, sandbox: "required" },
    agents: [],
    toolServers: [],
    services: [],
    triggers: [],
    code: [],
    policies: [],
    budgets: [],
    team: [],
    sops: [],
    skills: [],
    sensors: [],
  };
  return { files: new Map(), workspace: nothing };
}

/** What runs as a program. */
function codeSaid(before: FileSet, after: FileSet): PowerChange[] {
  const isCode = (path: string): boolean => placeOf(path) === "code" || placeOf(path) === "sensor" || /^skills\/[^/]+\/scripts\//.test(path);
  const paths = [...new Set([...before.keys(), ...after.keys()])].filter(isCode).toSorted();
  return paths.flatMap((file): PowerChange[] => {
    const [old, now] = [before.get(file), after.get(file)];
    if (now === undefined) return [{ effect: "narrower", file, words: `the program ${file} is gone` }];
    if (old === undefined) return [{ effect: "wider", file, words: `${file} is a new program that this workspace runs` }];
    return Buffer.compare(old, now) === 0 ? [] : [{ effect: "wider", file, words: `the program ${file} is another one` }];
  });
}
