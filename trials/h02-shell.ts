import { spawnSync } from "node:child_process";
import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFiles } from "#src/testing/workspace-files.ts";
import { type Case, judged } from "./harness/case.ts";
import { filled, lineOf, routesOf } from "./harness/route-table.ts";
import { openServer } from "./harness/server.ts";
import { inLanes, until } from "./harness/wait.ts";
import { asJson, bearer, sendRaw } from "./harness/wire.ts";

const MARK = "zqtenant";
/** Each would make a file in the folder of the trial, or change how a program is called, if a shell or an option reader ever saw it. */
const evils = (made: string): readonly string[] => [
  `$(touch ${made}-1) ${MARK}`,
  `\`touch ${made}-2\` ${MARK}`,
  `'; touch ${made}-3; echo '${MARK}`,
  `"; touch ${made}-4; echo "${MARK}`,
  `${MARK}\ntouch ${made}-5\n`,
  `${MARK} && touch ${made}-6 || touch ${made}-6`,
  `${MARK} | tee ${made}-7`,
  `--upload-pack=touch ${made}-8 ${MARK}`,
  `-c core.sshCommand='touch ${made}-9' ${MARK}`,
  `\${IFS}touch\${IFS}${made}-10 ${MARK}`,
  `{{constructor.constructor('require("fs").writeFileSync("${made}-11","")')()}} ${MARK}`,
  `../../../${MARK}/$(touch ${made}-12)`,
  `%0atouch%20${made}-13 ${MARK}`,
];

const HEADER = "apiVersion: loopwright.dev/v1";
/** A tool in a program of its own, so that tenant text is handed to a program at all. */
const FILES: Readonly<Record<string, string>> = {
  "tools/echo.ts": `import { defineTool, z } from "loopwright";
export const say = defineTool({
  name: "say", description: "Says it again.", input: z.object({ text: z.string() }), effect: "read", outbound: false, private: false,
  run: ({ text }) => ({ text }),
});
`,
  "agents/teller.yaml": `${HEADER}\nkind: Agent\nname: teller\nrunner: model\nprocedure: chat\ntools: [echo.say]\n`,
  "policies/echo.yaml": `${HEADER}\nkind: Policy\nname: echo\nrules:\n  - { name: echo, when: { kind: tool, name: "echo.*" }, then: allow, why: it says what it is told }\n`,
};

async function workspaceIn(folder: string): Promise<void> {
  await cp(join(import.meta.dirname, "..", "workspaces", "warm-stays"), folder, { recursive: true });
  await writeFiles(folder, Object.entries(FILES));
  const manifest = join(folder, "loop.yaml");
  await writeFile(manifest, (await readFile(manifest, "utf8")).replace(/^sandbox: .*$/m, "sandbox: off")); // so that the programs are started as they are
}

/** Programs that were started, each with its arguments. */
async function startedIn(trace: string): Promise<string[]> {
  const text = await readFile(trace, "utf8").catch(() => "");
  return text.split("\n").filter((line) => line.includes("execve("));
}

const throughShell = (line: string): boolean => /execve\("[^"]*\/(?:ba|da|z|k)?sh"/.test(line) && line.includes(MARK);
const asOption = (line: string): boolean => new RegExp(`"-{1,2}[^"]*${MARK}`).test(line);

const under = (trace: string): readonly string[] => ["strace", "-f", "-qq", "--seccomp-bpf", "-e", "trace=execve", "-s", "4096", "-o", trace];

export const noShell: Case = {
  id: "H-02",
  title:
    "shell characters, line breaks and options in every text of every route, in the files of the workspace and in the path of its folder: by strace no shell and no option of a program has them, and nothing of them is done",
  needs: ["strace"],
  short: true,
  limitMs: { short: 120_000, full: 120_000 },
  async run(world) {
    const made = join(world.folder, "made");
    const trace = join(world.folder, "trace");
    const workspace = join(world.folder, "work $(touch made-14) ';\"& space");
    await workspaceIn(workspace);
    for (const line of [
      ["init", "-q"],
      ["remote", "add", "origin", `ext::sh -c touch% ${made}-15`],
      ["config", "core.fsmonitor", `touch ${made}-16`],
      ["config", "core.sshCommand", `touch ${made}-17`],
    ])
      spawnSync("git", ["-C", workspace, ...line], { stdio: "ignore" });
    await mkdir(join(workspace, "brain", "voice", "$(touch made-18)"), { recursive: true });
    const database = await world.database();
    const server = await openServer(world, {
      name: "traced",
      home: join(world.folder, "home"),
      databaseUrl: database.url,
      env: { LOOP_WORKSPACE: workspace },
      under: under(trace),
    });
    const { text, headers } = { text: "x", headers: [...bearer(server.token), "content-type", "application/json"] };
    const ticket = await server.call("POST /v1/tickets", { body: { text } });
    const routes = (await routesOf(server)).filter(({ method, path }) => method !== "GET" && !/tokens/.test(path));
    const all = evils(made);
    const jobs = routes.flatMap((route) =>
      (route.texts.length > 0 ? route.texts : [""]).flatMap((member) =>
        (world.short ? all.filter((_, index) => index % 3 === route.path.length % 3) : all).map((evil) => ({ route, member, evil })),
      ),
    );
    let stored = 0;
    await inLanes(jobs, 6, async ({ route, member, evil }) => {
      const body = { ...(route.path === "/v1/tickets" ? { text: `the bus ${evil}` } : { reason: evil }), ...(member === "" ? {} : { [member]: evil }) };
      const chosen = Object.fromEntries(Object.entries(body).filter(([name]) => route.body.includes(name)));
      const answer = await sendRaw(server.url, {
        method: route.method,
        path: filled(route.path, String(ticket?.body["id"])),
        headers,
        body: asJson(chosen).body,
      });
      if (answer.status < 300) stored += 1;
    });
    const calls = await Promise.all(all.map((evil) => server.call("POST /v1/tools/echo.say/call", { body: { args: { text: evil }, agent: "teller" } })));
    const called = calls.filter((reply) => reply?.status === 202).length;
    for (const line of ["POST /v1/workspace/plan", "POST /v1/workspace/apply"])
      await server.call(line, { body: line.endsWith("apply") ? { note: all[0], yes: true } : {} });
    await until(async () => (await server.list<{ status: string }>("/v1/tickets?status=new", "tickets")).length === 0, { limitMs: 10_000, everyMs: 300 });
    await until(
      async () =>
        (await server.list<{ agent: string; state: string }>("/v1/runs?limit=200", "runs")).filter(({ agent, state }) => agent === "teller" && state !== "done")
          .length === 0,
      { limitMs: 15_000, everyMs: 300 },
    );
    const told = (await server.list<{ agent: string; state: string }>("/v1/runs?limit=200", "runs")).filter(
      ({ agent, state }) => agent === "teller" && state === "done",
    ).length;
    const { pid } = server.child; // of strace, which would leave it running
    const [served] = (await readFile(`/proc/${pid}/task/${pid}/children`, "utf8")).trim().split(" ");
    process.kill(Number(served), "SIGTERM");
    await server.child.exited;
    const started = await startedIn(trace);
    const control = join(world.folder, "control");
    spawnSync("strace", [...under(control).slice(1), "sh", "-c", `true ${MARK}; touch ${join(world.folder, "control-made")}`], { stdio: "ignore" });
    const seen = (await startedIn(control)).filter(throughShell).length;
    const files = (await readdir(world.folder, { recursive: true })).filter((name) => /(^|\/)made-\d+/.test(name));
    const shells = started.filter(throughShell);
    const options = started.filter(asOption);
    return judged({
      reached: jobs.length,
      wanted: 60,
      figure: `${jobs.length} texts into ${routes.length} routes (${stored} taken, ${routes.filter(({ texts }) => texts.length > 0).map(lineOf).length} routes with texts); ${told} calls of a tool in a program of its own, ${started.length} programs started, ${shells.length} shells with such a text, ${options.length} options, ${files.length} files made; a shell that has one is seen: ${seen > 0}${[
        ...shells,
        ...options,
        ...files,
      ]
        .slice(0, 3)
        .map((one) => ` | ${one.slice(0, 160)}`)
        .join("")}`,
      conditions: {
        "no shell sees them": shells.length === 0,
        "no program takes them for an option": options.length === 0,
        "nothing of them is done": files.length === 0,
        "some were stored, and programs were given them": stored > 10 && called === all.length && told === called && started.length > 5,
        "the look finds a shell that has one": seen > 0,
      },
    });
  },
};
