import { createHmac } from "node:crypto";
import { createServer, type IncomingHttpHeaders } from "node:http";
import { writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { chatWorkspace } from "#src/testing/chat-workspace.ts";
import { writeFiles } from "#src/testing/workspace-files.ts";
import { eventText, type FakeModels, fakeModels, soundBody, soundEvents } from "./fake-models.ts";
import { HEADER } from "./model-house.ts";
import { openServer, type Server } from "./server.ts";
import type { TrialDatabase } from "./cluster.ts";
import type { World } from "./world.ts";

/** Values of secrets that are none: each must be as if nothing had been set. */
export const BLANKS: Readonly<Record<string, string | undefined>> = {
  UNSET: undefined,
  EMPTY: "",
  BLANKS: " ".repeat(24),
  LINES: "\n\t\r\n".repeat(8),
  SHORT: "short",
};

/** Values that no key comes out of, where a signature is made with them. */
export const NO_KEYS: Readonly<Record<string, string | undefined>> = {
  ...BLANKS,
  PREFIX: "whsec_",
  PADDING: "whsec_================",
  NOT_BASE64: `whsec_${"!".repeat(40)}`,
  FEW_BYTES: "whsec_c2hvcnQ=",
};

const GOOD_KEY = "a-good-secret-of-the-trial-0123456789";

export interface Posted {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** Two servers on one database, with a gateway and services before a provider that waits with the rest of its answer while `holds` is true. */
export interface ModelServers {
  readonly first: Server;
  readonly second: Server;
  readonly homes: readonly [string, string];
  readonly database: TrialDatabase;
  readonly models: FakeModels;
  readonly holding: { holds: boolean };
  /** Where the key of the provider of the gateway stands. */
  readonly keyFile: string;
  /** What callbacks brought. */
  readonly posted: readonly Posted[];
  readonly callbackUrl: string;
  /** What whoever is called back answers. */
  readonly receiving: { status: number };
  token(handle: string): Promise<{ value: string; id: string }>;
}

const secretName = (name: string): string => `TRIAL_${name}`;

function filesFor({ url, keyFile, callbackHost }: { url: string; keyFile: string; callbackHost: string }): ReturnType<typeof chatWorkspace> {
  const blank = Object.keys(BLANKS).map(
    (name) => `  ${name.toLowerCase()}: { wire: openai-compatible, baseUrl: "${url}", apiKey: "secret:env:${secretName(name)}" }`,
  );
  const service = (name: string, secret: string): string =>
    `${HEADER}\nkind: Service\nname: ${name}\nstartingAgent: helper\nagents: [helper]\ncallbackSecret: ${secret}\ncallbackHosts: ["${callbackHost}"]\n`;
  return chatWorkspace({
    "loop.yaml": `${HEADER}
kind: Workspace
name: chats
models: { strong: "good:m", fast: "good:m" }
gateway: { models: [fast, ${Object.keys(BLANKS)
      .map((name) => `"${name.toLowerCase()}:m"`)
      .join(", ")}] }
providers:
  good: { wire: openai-compatible, baseUrl: "${url}", apiKey: "secret:file:${keyFile}" }
${blank.join("\n")}
prices: { "*:*": { inputUsd: 1, outputUsd: 2 } }
`,
    "agents/helper.yaml": `${HEADER}\nkind: Agent\nname: helper\nrunner: model\nprocedure: chat\n`,
    "teams/all.yaml": `${HEADER}\nkind: Team\nname: all\nmembers:\n  - { id: ana, name: Ana, roles: [owner] }\n  - { id: otto, name: Otto, roles: [operator] }\n  - { id: eva, name: Eva, roles: [operator] }\n`,
    "policies/all.yaml": `${HEADER}\nkind: Policy\nname: all\nrules:\n  - { name: think, when: { kind: model }, then: allow, why: thinking is free }\n`,
    "services/good.yaml": service("good", `secret:env:${secretName("GOOD")}`),
    ...Object.fromEntries(
      Object.keys(NO_KEYS).map((name) => [`services/${name.toLowerCase()}.yaml`, service(name.toLowerCase(), `secret:env:${secretName(name)}`)]),
    ),
  });
}

export const modelServers = (world: World): Promise<ModelServers> => world.kept("model servers", open);

async function open(world: World): Promise<ModelServers> {
  const holding = { holds: false };
  const models = await fakeModels(world, (response, call) => {
    if (!call.stream) return void response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(soundBody(call)));
    const events = soundEvents(call, ["do", "ne"]).map(eventText);
    response.writeHead(200, { "content-type": "text/event-stream" }).write(events[0]!);
    const go = (): unknown => (holding.holds ? setTimeout(go, 50) : response.end(events.slice(1).join("")));
    go();
  });
  const posted: Posted[] = [];
  const receiving = { status: 204 };
  const receiver = createServer((incoming, response) => {
    let text = "";
    incoming.on("data", (piece: Buffer) => (text += piece.toString()));
    incoming.on("end", () => {
      posted.push({ path: incoming.url ?? "", headers: incoming.headers, text });
      response.writeHead(receiving.status).end();
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  world.after(() => receiver.close());
  const callbackHost = `127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  const keyFile = join(world.folder, "provider.key");
  await writeFile(keyFile, "sk-the-first-key-of-the-trial", { mode: 0o600 });
  const workspace = join(world.folder, "chats");
  await writeFiles(workspace, filesFor({ url: models.url, keyFile, callbackHost }));
  const database = await world.database();
  const env = {
    LOOP_WORKSPACE: workspace,
    LOOP_MODEL: "on",
    ...Object.fromEntries(Object.entries({ ...NO_KEYS, GOOD: GOOD_KEY }).map(([name, value]) => [secretName(name), value])),
  };
  const homes = [join(world.folder, "one"), join(world.folder, "two")] as const;
  const first = await openServer(world, { name: "one", home: homes[0], databaseUrl: database.url, env });
  const second = await openServer(world, { name: "two", home: homes[1], databaseUrl: database.url, env });
  return {
    first,
    second,
    homes,
    database,
    models,
    holding,
    keyFile,
    posted,
    receiving,
    callbackUrl: `http://${callbackHost}/done`,
    async token(handle) {
      const made = await first.call("POST /v1/tokens", { body: { principal: handle, label: "trial", scopes: ["*"] } });
      if (made?.status !== 201) throw new Error(`no token for ${handle}: ${JSON.stringify(made)}`);
      return { value: String(made.body["value"]), id: (made.body["token"] as { id: string }).id };
    },
  };
}

/** Whether what was posted is signed with the good key, as Standard Webhooks has it. */
export function isSigned({ headers, text }: Posted): boolean {
  const signed = `${String(headers["webhook-id"])}.${String(headers["webhook-timestamp"])}.${text}`;
  return headers["webhook-signature"] === `v1,${createHmac("sha256", GOOD_KEY).update(signed).digest("base64")}`;
}
