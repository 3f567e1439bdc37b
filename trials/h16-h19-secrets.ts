import { readFile, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { type Case, judged, within } from "./harness/case.ts";
import { BLANKS, isSigned, type ModelServers, modelServers, NO_KEYS } from "./harness/model-server.ts";
import type { Server } from "./harness/server.ts";
import { ms } from "./harness/statistics.ts";
import { until } from "./harness/wait.ts";
import { asJson, bearer, codeOf, sendRaw } from "./harness/wire.ts";

const told = (list: readonly string[]): string => (list.length === 0 ? "" : `: ${list.slice(0, 5).join(" | ")}`);
const CHAT = { model: "fast", messages: [{ role: "user", content: "hi" }] };

/** Where other systems take what is posted to them by strangers. There is no such route here. */
const INBOUND = [
  "/webhooks",
  "/webhooks/github",
  "/v1/webhooks/github",
  "/hooks/x",
  "/slack/events",
  "/github/webhook",
  "/v1/callbacks",
  "/oauth/callback",
  "/v1/oauth/callback",
  "/telnyx",
  "/mcp",
];

export const blankSecrets: Case = {
  id: "H-16",
  title:
    "a secret that is unset, empty, blank, too short or no key: nothing is signed with it and no provider is asked; the log says so; and nothing that strangers post is taken in",
  short: true,
  limitMs: { short: 120_000, full: 120_000 },
  async run(world) {
    const house = await modelServers(world);
    const { first, models, posted, callbackUrl } = house;
    const names = [...Object.keys(NO_KEYS).map((name) => name.toLowerCase()), "good"];
    const before = posted.length;
    const sent = await Promise.all(
      names.map((name) => first.call(`POST /v1/services/${name}`, { body: { messages: [{ role: "user", text: `for ${name}` }], callback_url: callbackUrl } })),
    );
    const accepted = sent.filter((reply) => reply?.status === 202).length;
    const callsBefore = models.calls.length;
    const refused: string[] = [];
    for (const name of Object.keys(BLANKS)) {
      const reply = await first.call("POST /v1/chat/completions", { body: { ...CHAT, model: `${name.toLowerCase()}:m` } });
      if (reply === undefined || reply.status < 400) refused.push(`${name}: ${reply?.status}`);
    }
    const askedWithout = models.calls
      .slice(callsBefore)
      .filter(({ body, headers }) => body.model === "m" && !String(headers.authorization).includes("sk-the-")).length;
    const inbound = await Promise.all(
      INBOUND.flatMap((path) => [
        sendRaw(first.url, { method: "POST", path, ...asJson({ event: "x" }) }).then(({ status }) =>
          status === 401 ? [] : [`${path} without a credential: ${status}`],
        ),
        sendRaw(first.url, { method: "POST", path, ...asJson({ event: "x" }), headers: [...bearer(first.token), "content-type", "application/json"] }).then(
          ({ status }) => (status === 404 ? [] : [`${path}: ${status}`]),
        ),
      ]),
    );
    await until(() => posted.length > before, { limitMs: 15_000 });
    const logOf = (): Promise<string> =>
      readFile(join(house.homes[0], "logs", "server.log"), "utf8").then(
        async (one) => one + (await readFile(join(house.homes[1], "logs", "server.log"), "utf8")),
      );
    const isSaid = await until(async () => /callback[^]*secret_unavailable|secret_unavailable[^]*callback|cannot be signed|not available/.test(await logOf()), {
      limitMs: 10_000,
    });
    const arrived = posted.slice(before);
    const open = inbound.flat();
    return judged({
      reached: names.length + Object.keys(BLANKS).length + INBOUND.length * 2,
      wanted: 30,
      figure: `${names.length} services with ${names.length - 1} secrets that are none: ${arrived.length} callback arrived, signed ${arrived.every(isSigned)}; ${Object.keys(BLANKS).length} providers without a key, ${askedWithout} asked; ${INBOUND.length} places for webhooks, none there; the log says it: ${isSaid}${told([...refused, ...open])}`,
      conditions: {
        "only what can be signed is sent": arrived.length === 1 && arrived.every(isSigned) && accepted === names.length,
        "a provider without a key is not asked": refused.length === 0 && askedWithout === 0,
        "nothing inbound": open.length === 0,
        "the log says so": isSaid,
      },
    });
  },
};

/** One stream that is read until it ends. */
interface Reading {
  readonly name: string;
  endedMs: number | undefined;
  began: boolean;
  close(): void;
}

function read(name: string, server: Server, asked: { path: string; token: string; body?: object }): Reading {
  const { hostname, port } = new URL(server.url);
  const body = asked.body && JSON.stringify(asked.body);
  const headers = { authorization: `Bearer ${asked.token}`, ...(body === undefined ? {} : { "content-type": "application/json" }) };
  const reading: Reading = { name, endedMs: undefined, began: false, close: () => sent.destroy() };
  const ended = (): void => void (reading.endedMs ??= performance.now());
  const sent = request({ hostname, port, path: asked.path, method: body === undefined ? "GET" : "POST", headers, agent: false }, (response) => {
    response.on("data", () => (reading.began = response.statusCode === 200));
    response.once("close", ended);
    response.once("error", ended);
  });
  sent.once("error", ended);
  sent.end(body);
  return reading;
}

const SPEAK = { messages: [{ role: "user", text: "tell me" }], stream: true };

/** A stream of each kind on each server. */
async function openStreams({ first, second }: ModelServers, token: string): Promise<Reading[]> {
  const readings: Reading[] = [];
  for (const [name, server] of [["first", first] as const, ["second", second] as const]) {
    readings.push(read(`feed of the ${name}`, server, { path: "/v1/feed", token }));
    readings.push(read(`gateway of the ${name}`, server, { path: "/v1/chat/completions", token, body: { ...CHAT, stream: true } }));
    readings.push(
      read(`service of the ${name}`, server, {
        path: "/v1/services/good",
        token,
        body: { ...SPEAK, messages: [{ role: "user", text: `tell the ${name} for ${token.slice(-6)}` }] },
      }),
    );
  }
  let run: string | undefined;
  await until(
    async () => (run = (await first.list<{ id: string; state: string }>("/v1/runs", "runs")).find(({ state }) => state === "running")?.id) !== undefined,
    { limitMs: 10_000 },
  );
  if (run !== undefined)
    for (const [name, server] of [["first", first] as const, ["second", second] as const])
      readings.push(read(`live text of the ${name}`, server, { path: `/v1/runs/${run}/live`, token }));
  await until(() => readings.every(({ began }) => began), { limitMs: 10_000 });
  return readings;
}

/** How long the token still opened something, on either server, by TCP and by the local sockets. */
async function refusedAfter({ first, second, homes }: ModelServers, token: string, sinceMs: number): Promise<number> {
  const ways = [
    { server: first },
    { server: second },
    { server: first, socketPath: join(homes[0], "socket", "loop.sock") },
    { server: second, socketPath: join(homes[1], "socket", "loop.sock") },
  ];
  await until(
    async () => {
      const answers = await Promise.all(ways.map(({ server, ...more }) => sendRaw(server.url, { path: "/v1/me", headers: bearer(token), ...more })));
      return answers.every(({ status }) => status === 401);
    },
    { limitMs: 10_000, everyMs: 20 },
  );
  return performance.now() - sinceMs;
}

export const revoked: Case = {
  id: "H-19",
  title:
    "a token that is revoked: refused on two servers and their sockets within 1 s, its streams (feed, live text, service, gateway) cut within 5 s, those of others go on; a key of a provider that is changed counts at the next call",
  short: true,
  limitMs: { short: 120_000, full: 120_000 },
  async run(world) {
    const house = await modelServers(world);
    const { first, models, holding, keyFile } = house;
    const [leaving, staying] = [await house.token("otto"), await house.token("eva")];
    holding.holds = true;
    const [theirs, others] = await Promise.all([openStreams(house, leaving.value), openStreams(house, staying.value)]);
    const began = [...theirs, ...others].filter((reading) => reading.began).length;
    const atMs = performance.now();
    const gone = await first.call(`DELETE /v1/tokens/${leaving.id}`);
    const refusedMs = await refusedAfter(house, leaving.value, atMs);
    await until(() => theirs.every(({ endedMs }) => endedMs !== undefined), { limitMs: 12_000, everyMs: 20 });
    const cutMs = Math.max(...theirs.map(({ endedMs }) => (endedMs ?? Number.POSITIVE_INFINITY) - atMs));
    const open = theirs.filter(({ endedMs }) => endedMs === undefined || endedMs < atMs).map(({ name }) => name);
    const lost = others.filter(({ endedMs }) => endedMs !== undefined).map(({ name }) => name);
    for (const reading of [...theirs, ...others]) reading.close();
    holding.holds = false;
    await writeFile(keyFile, "sk-the-second-key-of-the-trial", { mode: 0o600 });
    const next = await first.call("POST /v1/chat/completions", { body: CHAT });
    const used = String(models.calls.at(-1)?.headers.authorization);
    const again = await sendRaw(first.url, { path: "/v1/me", headers: bearer(staying.value) });
    return judged({
      reached: began,
      wanted: 16,
      figure: `refused after ${ms(refusedMs)}, ${theirs.length} streams cut after ${ms(cutMs)} at most, ${lost.length} of ${others.length} streams of others ended; a key that was changed: the next call ${next?.status} with the ${used.includes("second") ? "new" : "old"} one${told([...open, ...lost])}`,
      conditions: {
        "it was revoked": gone?.status === 200,
        "refused within 1 s": within(refusedMs, 1_000),
        "streams cut within 5 s": { isKept: cutMs <= 5_000, isFarOff: !(cutMs <= 10_000) },
        "others go on": lost.length === 0 && again.status === 200 && codeOf(again) === "",
        "the new key counts": next?.status === 200 && used.includes("sk-the-second"),
      },
    });
  },
};
