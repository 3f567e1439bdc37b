import type { Service, Trigger } from "#src/workspace/model.ts";
import { compareMembers, elsewhere, lengthOf, limitOf, listOf, type MemberRules, named, narrower, neutral, type Said, shown, wider } from "./change.ts";

/** What is said of one service. */
export function serviceSaid(before: Service | undefined, after: Service | undefined): Said[] {
  if (!after) return [narrower("is gone; nothing answers there any more")];
  if (!before) return [wider(`is a new endpoint at ${placeWords(after)}, answered by ${named(after.agents)}`)];
  return compareMembers(SERVICE, before, after);
}

const placeWords = ({ name, path }: Service): string => (path === undefined ? `/v1/services/${name}` : `${path} and /v1/services/${name}`);

const SERVICE: MemberRules<Service> = {
  name: elsewhere,
  source: elsewhere,
  description: neutral("description"),
  path: (before, after) =>
    after === undefined ? [narrower(`no longer answers at ${before}`)] : [wider(`now answers at ${after}${before === undefined ? "" : `, was ${before}`}`)],
  startingAgent: (before, after) => [wider(`begins with ${after}, was ${before}`)],
  agents: listOf("is now answered by", "is no longer answered by"),
  input: neutral("shape of what it takes"),
  output: neutral("shape of what it gives"),
  conversation: (_before, after) => [after ? wider("keeps what was said in a session") : narrower("forgets each call")],
  limits: (before, after) =>
    compareMembers<typeof after>(
      {
        timeout: (from, to) => [[to > from ? "wider" : "narrower", `may take ${lengthOf(to)}, was ${lengthOf(from)}`]],
        callsPerMinute: limitOf((calls) => `answers ${calls} calls a minute`, "answers any number of calls"),
      },
      before,
      after,
    ),
};

/** What is said of one trigger. */
export function triggerSaid(before: Trigger | undefined, after: Trigger | undefined): Said[] {
  if (!after) return [narrower(`is gone; ${onWords(before!.on)} no longer starts ${before!.agent}`)];
  if (!before) return [wider(`is a new trigger: ${onWords(after.on)} starts ${after.agent}${after.task === undefined ? "" : ` with the task ${after.task}`}`)];
  return compareMembers(TRIGGER, before, after);
}

function onWords(on: Trigger["on"]): string {
  if ("schedule" in on) return `the schedule ${shown(on.schedule.at)}${on.schedule.timeZone === undefined ? "" : ` (${on.schedule.timeZone})`}`;
  if (!("message" in on)) return shown(on);
  const { surface, sender, labels, phrases } = on.message;
  const where = [
    ...(surface === undefined ? [] : [`on ${surface}`]),
    ...(sender === undefined ? [] : [`from ${sender}`]),
    ...Object.entries(labels).map(([key, value]) => `with ${key}=${value}`),
    ...(phrases.length === 0
      ? []
      : [
          `that says ${named(
            phrases.map((phrase) => JSON.stringify(phrase)),
            "or",
          )}`,
        ]),
  ];
  return ["a message", ...where].join(" ");
}

const TRIGGER: MemberRules<Trigger> = {
  name: elsewhere,
  source: elsewhere,
  agent: (before, after) => [wider(`starts ${after}, was ${before}`)],
  task: (before, after) => [["same", `begins with the task ${after ?? "that is usual"}, was ${before ?? "the usual one"}`]],
  on: (before, after) => [wider(`starts its agent on ${onWords(after)}; before, on ${onWords(before)}`)],
};
