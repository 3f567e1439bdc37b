import type { Workspace } from "#src/workspace/model.ts";
import { compareMembers, dollars, elsewhere, lengthOf, limitOf, type MemberRules, moved, named, narrower, neutral, type Said, wider } from "./change.ts";

type Manifest = Workspace["manifest"];
type Provider = Manifest["providers"][string];

/** What is said of the workspace as a whole; subject "the workspace". */
export function manifestSaid(before: Manifest, after: Manifest): Said[] {
  return compareMembers(RULES, before, after);
}

const RULES: MemberRules<Manifest> = {
  source: elsewhere,
  providers: elsewhere,
  prices: elsewhere,
  name: neutral("name"),
  title: neutral("title"),
  locale: neutral("language"),
  timeZone: neutral("time zone"),
  subject: neutral("label for what a ticket is about"),
  judge: (_before, after) => [
    after === "inside" ? wider("lets an agent decide by itself (judge: inside)") : narrower("decides nothing by itself (judge: outside)"),
  ],
  judgement: (before, after) =>
    compareMembers<typeof after>(
      {
        noopTtl: (from, to) => [[to < from ? "wider" : "narrower", `looks again after ${lengthOf(to)} in which nothing moved, was ${lengthOf(from)}`]],
        mostPerHour: limitOf((most) => `decides ${most} times an hour before a person is asked`, "decides without end"),
      },
      before,
      after,
    ),
  sandbox: (_before, after) => [
    after === "off" ? wider("runs sensors and commands of checks without a sandbox") : narrower("runs sensors and commands of checks in the sandbox only"),
  ],
  models: modelsSaid,
  workers: (before, after) =>
    compareMembers<typeof after>(
      {
        most: limitOf((most) => `lets ${most} workers run at once`, "lets any number of workers run at once"),
        silentAfter: (_from, to) => [["same", `takes a worker for stuck after ${lengthOf(to)} of silence`]],
      },
      before,
      after,
    ),
  pulse: (before, after) =>
    compareMembers<typeof after>(
      {
        interval: (from, to) => [["same", `looks at the world each ${lengthOf(to)}, was ${lengthOf(from)}`]],
        sensorConcurrency: (from, to) => [["same", `runs ${to} sensors at once, was ${from}`]],
      },
      before,
      after,
    ),
  notification: (before, after) => [
    ...(JSON.stringify(before?.command) === JSON.stringify(after?.command)
      ? []
      : after?.command
        ? [wider(`runs ${after.command.join(" ")} on this machine, outside the sandbox, for each notice`)]
        : [narrower("runs no command for notices")]),
    ...(JSON.stringify(before?.webhook) === JSON.stringify(after?.webhook)
      ? []
      : after?.webhook
        ? [wider(`posts each notice to ${after.webhook.url}`)]
        : [narrower("posts notices nowhere")]),
  ],
  gateway: gatewaySaid,
  defaults: (before, after) =>
    compareMembers<typeof after>(
      {
        agent: (from, to) => [["same", `gives what nobody else handles to ${to ?? "its first agent"}, was ${from ?? "its first agent"}`]],
        acknowledgeWithin: (from, to) => [["same", `waits ${lengthOf(to)} for an acknowledgement, was ${lengthOf(from)}`]],
        maxTurns: limitOf((turns) => `lets agents think for ${turns} turns a run`, "lets agents think without end"),
        maxOutputTokens: limitOf((tokens) => `lets models write ${tokens} tokens at once`, "lets models write without end"),
      },
      before,
      after,
    ),
};

function modelsSaid(before: Manifest["models"], after: Manifest["models"]): Said[] {
  const all = ({ fast, strong, embedder, fallbacks }: NonNullable<Manifest["models"]> = { fallbacks: [] }): string[] =>
    [fast, strong, embedder, ...fallbacks].filter((model) => model !== undefined);
  const providers = (models: Manifest["models"]) => [...new Set(all(models).map((model) => model.split(":")[0]!))];
  const { gained } = moved(providers(before), providers(after));
  const other = moved(all(before), all(after));
  if (gained.length > 0) return [wider(`sends its texts to the provider ${named(gained)}`)];
  return [["same", `thinks with ${named(other.gained.length > 0 ? other.gained : all(after))}, was ${named(all(before))}`]];
}

/** Models that other clients may call through this server, and what their token needs. */
function gatewaySaid(before: Manifest["gateway"], after: Manifest["gateway"]): Said[] {
  const offers = (gateway: Manifest["gateway"]): string[] =>
    (gateway?.models ?? []).map(
      ({ name, model, scope }) => `${name}${model === undefined ? "" : ` (${model})`}${scope === "models:call" ? "" : ` with the scope ${scope}`}`,
    );
  const { gained, lost } = moved(offers(before), offers(after));
  return [
    ...(gained.length > 0 ? [wider(`offers other clients the models ${named(gained)}`)] : []),
    ...(lost.length > 0 ? [narrower(`no longer offers other clients the models ${named(lost)}`)] : []),
  ];
}

/** What is said of one provider of models, by its name. */
export function providerSaid(before: Provider | undefined, after: Provider | undefined): Said[] {
  if (!after) return [narrower("is gone; nothing is sent there")];
  if (!before) return [wider(`is a new provider of models${after.baseUrl === undefined ? "" : ` at ${after.baseUrl}`} (${after.wire})`)];
  return compareMembers<Provider>(
    {
      baseUrl: (from, to) => [wider(`is asked at ${to ?? "its usual address"}, was ${from ?? "its usual address"}`)],
      apiKey: () => [wider("is paid with another key")],
      wire: (from, to) => [wider(`speaks ${to}, was ${from}`)],
      region: (from, to) => [wider(`is asked in ${to ?? "its usual region"}, was ${from ?? "its usual region"}`)],
    },
    before,
    after,
  );
}

type Price = Manifest["prices"][string];

/** A price decides what a budget buys: a lower one lets more calls through. */
export function priceSaid(before: Price | undefined, after: Price | undefined): Said[] {
  if (!after) return [wider("has no price of its own any more; the shipped table counts")];
  const words = ({ inputUsd, outputUsd }: Price): string => `${dollars(inputUsd)} in and ${dollars(outputUsd)} out for a million tokens`;
  if (!before) return [wider(`is reckoned at ${words(after)}, whatever the shipped table says`)];
  const rises =
    after.inputUsd >= before.inputUsd && after.outputUsd >= before.outputUsd && (after.cachedUsd ?? after.inputUsd) >= (before.cachedUsd ?? before.inputUsd);
  return [[rises ? "narrower" : "wider", `is reckoned at ${words(after)}, was ${words(before)}`]];
}
