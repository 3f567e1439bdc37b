import type { Agent } from "#src/workspace/model.ts";
import { compareMembers, listOf, narrower, neutral, type Said, shown, wider } from "./change.ts";

type Command = NonNullable<Agent["command"]>;

const what = ({ preset, run }: Pick<Command, "preset" | "run">): string => (run === undefined ? preset : shown(run));
const place = (folder: string | undefined): string => folder ?? "a folder of its own";

/** What an agent may start, in words that go on after its name. */
export function commandSaid(before: Agent["command"], after: Agent["command"]): Said[] {
  if (!after) return [narrower("starts no command any more")];
  if (!before) return bornWith(after);
  const isOther = before.preset !== after.preset || before.run !== after.run;
  return [...(isOther ? [wider(`may start ${what(after)}, was ${what(before)}`)] : []), ...compareMembers<Command>(RULES, before, after)];
}

function bornWith(command: Command): Said[] {
  const { folder, writable, homeFolders, env, network } = command;
  const names = Object.keys(env);
  return [
    wider(`may start ${what(command)} in ${place(folder)}, ${network ? "with the whole network" : "without network"}`),
    ...(writable.length > 0 ? listOf("lets its command write", "")([], writable) : []),
    ...(homeFolders && homeFolders.length > 0 ? listOf("lets its command use, of the home folder of the account,", "")([], homeFolders) : []),
    ...(names.length > 0 ? listOf("gives its command", "")([], names) : []),
  ];
}

const RULES = {
  preset: () => [],
  run: () => [],
  folder: (before: string | undefined, after: string | undefined) => [wider(`works in ${place(after)}, was ${place(before)}`)],
  writable: listOf("now lets its command write", "no longer lets its command write"),
  homeFolders: listOf("now lets its command use, of the home folder of the account,", "no longer lets its command use, of the home folder of the account,"),
  env: (before: Command["env"], after: Command["env"]) => {
    const names = Object.keys({ ...before, ...after }).filter((name) => before[name] !== after[name]);
    return [wider(`gives its command other values for ${names.join(", ")}`)];
  },
  network: (_before: boolean, after: boolean) => [after ? wider("lets its command use the whole network") : narrower("lets its command use no network")],
  columns: neutral("width of the terminal of its command"),
  rows: neutral("height of the terminal of its command"),
} as const;
