import { spawnSync } from "node:child_process";
import { chmod, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { oauthServer, type OAuthServer } from "#src/testing/oauth-server.ts";
import { filesOf, SOUND_FILES } from "#src/testing/workspace-files.ts";
import { parseWorkspace } from "#src/workspace/load.ts";
import { type Case, judged } from "./harness/case.ts";
import type { Server } from "./harness/server.ts";
import { textOf } from "./harness/text.ts";
import { callTool, HEADER, isOn, serverWith, toolNamed } from "./harness/tool-world.ts";
import { until } from "./harness/wait.ts";
import type { World } from "./harness/world.ts";

const LIMIT = { short: 60_000, full: 60_000 };
const agent = (tools: string): string => `${HEADER}\nkind: Agent\nname: clerk\nrunner: rules\ntools: [${tools}]\n`;
const remote = (name: string, url: string): string => `${HEADER}\nkind: ToolServer\nname: ${name}\nfrom: { by: mcp, url: "${url}", auth: { type: oauth } }\n`;

const opens = (world: World): Promise<OAuthServer> => oauthServer({ after: (undo) => world.after(undo as () => unknown) });

/** What a browser would come to after a person agreed. */
function agreed(link: string): string {
  const asked = new URL(link).searchParams;
  return `${asked.get("redirect_uri")}?code=the-code&state=${encodeURIComponent(asked.get("state")!)}`;
}

interface Login {
  readonly link: string | undefined;
  /** It went to its end, and tokens were kept. */
  readonly isDone: boolean;
  readonly code: string;
}

async function logIn(server: Server, name: string): Promise<Login> {
  const begun = await server.call(`POST /v1/tools/${name}/login`, { body: {} });
  const link = begun?.status === 200 ? textOf(begun.body["link"]) : undefined;
  if (link === undefined) return { link, isDone: false, code: textOf(begun?.body["code"]) };
  const ended = await server.call(`POST /v1/tools/${name}/login`, { body: { address: agreed(link) } });
  return { link, isDone: ended?.status === 200, code: textOf(ended?.body["code"]) };
}

const BROWSERS = ["xdg-open", "open", "sensible-browser", "x-www-browser", "www-browser", "firefox", "google-chrome", "chromium", "gio", "powershell", "cmd"];

/** A folder that gets a file from whatever opens an address or runs a text; `path` has programs in front that do so. */
async function tripwire(world: World): Promise<{ path: string; folder: string; sprung(): Promise<string[]> }> {
  const [bin, folder] = [join(world.folder, "bin"), join(world.folder, "sprung")];
  await mkdir(bin);
  await mkdir(folder);
  for (const name of BROWSERS) {
    await writeFile(join(bin, name), `#!/bin/sh\n: > ${folder}/${name}\n`);
    await chmod(join(bin, name), 0o755);
  }
  return { path: `${bin}:${process.env["PATH"]}`, folder, sprung: () => readdir(folder) };
}

const hostileAddresses = (folder: string): readonly string[] => [
  "javascript:alert(1)",
  "JaVaScRiPt:alert(1)",
  "file:///etc/passwd",
  "data:text/html,<script>1</script>",
  "vbscript:x",
  "http://example.org/authorize",
  "https://user:word@example.org/authorize",
  "//example.org/authorize",
  `$(touch ${folder}/dollar)`,
  `\`touch ${folder}/backtick\``,
  `| touch ${folder}/pipe`,
  `--new-window ${folder}`,
];

const loginMetadata: Case = {
  id: "H-23",
  title:
    "an MCP server whose OAuth metadata sends people or us to javascript:, file:, data:, plain http, or a text for a shell: the login is refused, no link is given, nothing is opened or run",
  short: true,
  limitMs: LIMIT,
  async run(world) {
    const [oauth, trip] = [await opens(world), await tripwire(world)];
    const server = await serverWith(world, { "agents/clerk.yaml": agent("remote.*"), "tools/remote.yaml": remote("remote", oauth.url) }, { PATH: trip.path });
    const { origin } = new URL(oauth.url);
    const wrong: string[] = [];
    let [met, askedBefore] = [0, 0];
    for (const member of ["registration_endpoint", "authorization_endpoint", "token_endpoint"]) {
      for (const address of hostileAddresses(trip.folder)) {
        oauth.faults.metadata = { [member]: address };
        askedBefore = oauth.seen.length;
        const { link, isDone, code } = await logIn(server, "remote");
        if (oauth.seen.slice(askedBefore).some(({ path }) => path.startsWith("/.well-known/oauth-authorization-server"))) met += 1;
        const isOurs = link === undefined || (URL.parse(link)?.origin === origin && member === "token_endpoint");
        if (isDone || !isOurs || code !== "tool_login_refused") wrong.push(`${member} ${address}: ${code} ${link ?? ""}`);
      }
    }
    const sprung = await trip.sprung();
    oauth.faults.metadata = {};
    const honest = await logIn(server, "remote");
    spawnSync(BROWSERS[0]!, ["https://127.0.0.1/"], { env: { PATH: trip.path } });
    return judged({
      reached: met,
      wanted: hostileAddresses("").length * 3,
      figure: `${met} logins with hostile metadata${wrong.length > 0 ? `; ${wrong.slice(0, 4).join(" | ")}` : ""}`,
      conditions: {
        "each is refused, without a link": wrong.length === 0,
        "nothing is opened or run": sprung.length === 0,
        "an honest server is logged in to": honest.isDone && URL.parse(honest.link!)?.origin === origin,
        "what is opened would be seen": (await trip.sprung()).includes("xdg-open"),
      },
    });
  },
};

const PROGRAM = fileURLToPath(new URL("../src/testing/mcp-server-child.ts", import.meta.url));
const SAID = "Says what it is told.";

const program = (name: string, more = ""): string => `${HEADER}
kind: ToolServer
name: ${name}
from: { by: mcp, command: [${JSON.stringify(process.execPath)}, ${JSON.stringify(PROGRAM)}], env: { HOW: "${name}", DESCRIPTION: "${SAID}" }, sandbox: "off" }
limits: { timeout: 5s }
tools: { "*": { effect: read, risk: low, outbound: false, private: false } }
${more}`;

interface Definition {
  readonly digest: string;
  readonly definition: { readonly description?: string };
}

const changedTools: Case = {
  id: "H-25",
  title:
    "a tool that changes by one space is off until an owner approves exactly that, with both shown; another server of the same tools, a second file of the same name and a tool listed twice shadow nothing; a pin in the file holds",
  short: true,
  limitMs: LIMIT,
  async run(world) {
    const files = {
      "agents/clerk.yaml": agent("good.*, other.*, same.*, pinned.*"),
      "tools/good.yaml": program("good"),
      "tools/other.yaml": program("other"),
      "tools/same.yaml": program("same"),
      "tools/pinned.yaml": program("pinned", `pins: { echo: "${"0".repeat(64)}" }\n`),
    };
    const server = await serverWith(world, files);
    const works = async (): Promise<boolean> =>
      (await isOn(server, "good.echo")) && textOf((await callTool(server, "good.echo", { text: "heard" }))?.result).includes("heard");
    const before = await works();
    const whose = async (name: string): Promise<string> => textOf((await callTool(server, `${name}.environment`, {}))?.result);
    await isOn(server, "other.echo");
    const [good, other] = [await whose("good"), await whose("other")];
    await callTool(server, "good.change", { text: `${SAID} ` });
    const isOff = await until(async () => /its definition changed/.test((await toolNamed(server, "good.echo"))?.why ?? ""), { limitMs: 20_000 });
    const refused = await server.call("POST /v1/tools/good.echo/call", { body: { args: { text: "x" } } });
    const { approved, now } = (await server.call("GET /v1/tools/good.echo/definition"))!.body as unknown as { approved: Definition; now: Definition };
    const wrongDigest = await server.call("POST /v1/tools/good.echo/approve", { body: { digest: approved.digest } });
    const stillOff = (await toolNamed(server, "good.echo"))?.state === "off";
    const right = await server.call("POST /v1/tools/good.echo/approve", { body: { digest: now.digest } });
    const twice = parseWorkspace(filesOf({ ...SOUND_FILES, "tools/a.yaml": program("good"), "tools/b.yaml": program("good") }));
    const off = async (name: string): Promise<string> => {
      await until(async () => (await toolNamed(server, name))?.state === "off", { limitMs: 20_000 });
      return (await toolNamed(server, name))?.why ?? "";
    };
    const pinned = await off("pinned.echo");
    const same = (await isOn(server, "same.slow")) ? await server.call("POST /v1/tools/same.echo/call", { body: { args: { text: "x" } } }) : undefined;
    return judged({
      reached: Number(isOff) + 1,
      wanted: 2,
      figure: `approved ${JSON.stringify(approved.definition.description)}, now ${JSON.stringify(now.definition.description)}; pinned.echo: ${pinned}`,
      conditions: {
        "it works before": before,
        "a space turns it off": isOff && refused?.body["code"] === "tool_unknown",
        "both are shown": approved.definition.description === SAID && now.definition.description === `${SAID} ` && approved.digest !== now.digest,
        "only what is there now can be approved": wrongDigest !== undefined && wrongDigest.status >= 400 && stillOff && right?.status === 200,
        "approved, it works": await works(),
        "a call reaches the server that it names": /HOW\W+good\W/.test(good) && /HOW\W+other\W/.test(other),
        "two files of one name are refused": twice.kind === "problems",
        "what is listed twice is off": same?.body["code"] === "tool_unknown",
        "a pin of the file holds": pinned !== "",
      },
    });
  },
};

const jwtFor = (aud: string): string => ["e30", Buffer.from(JSON.stringify({ aud })).toString("base64url"), "sig"].join(".");

const deputies: Case = {
  id: "H-40",
  title: "two tool servers at one account: the login of one opens nothing for the other; a token for another audience and our own tokens never go upstream",
  short: true,
  limitMs: LIMIT,
  async run(world) {
    const oauth = await opens(world);
    const server = await serverWith(world, {
      "agents/clerk.yaml": agent("first.*, second.*"),
      "tools/first.yaml": remote("first", oauth.url),
      "tools/second.yaml": remote("second", oauth.url),
    });
    const foreign = jwtFor("https://other.example/mcp");
    oauth.faults.accessToken = foreign;
    const refused = await logIn(server, "first");
    oauth.faults.accessToken = "an-access-token-of-the-test";
    const first = await logIn(server, "first");
    const control = (await isOn(server, "first.who")) && textOf((await callTool(server, "first.who", {}))?.result).includes("you");
    const second = await server.call("POST /v1/tools/second.who/call", { body: { args: {} } });
    const why = (await server.list<{ name: string; state: string; why: string | null }>("/v1/tools", "tools")).find(({ name }) => name.startsWith("second."));
    const sent = new Set(oauth.seen.flatMap(({ authorization }) => (authorization === undefined ? [] : [authorization])));
    return judged({
      reached: oauth.seen.length,
      wanted: 10,
      figure: `${oauth.seen.length} requests upstream with ${sent.size} credentials; second: ${why?.why ?? "not listed"}`,
      conditions: {
        "a token for another audience is refused": !refused.isDone && refused.code === "tool_login_refused",
        "and never sent": ![...sent].some((one) => one.includes(foreign)),
        "the right login works": first.isDone && control,
        "it opens nothing for the other": second?.body["code"] === "tool_unknown" && why?.state === "off",
        "our own token stays here": ![...sent].some((one) => one.includes(server.token)),
        "what is sent is seen": [...sent].some((one) => one.includes("an-access-token-of-the-test")),
      },
    });
  },
};

export const toolServerFrauds: readonly Case[] = [loginMetadata, changedTools, deputies];
