import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { argsProblem, schemaProblem } from "#src/acts/check-args.ts";
import { errorInBody } from "#src/adapters/model-aisdk/provider-error.ts";
import { unmarked } from "#src/adapters/tool-github/marker.ts";
import { visible } from "#src/adapters/tool-mcp/visible.ts";
import { whyForbidden } from "#src/adapters/tool-shell/deny-list.ts";
import { readable } from "#src/adapters/tool-web/readable.ts";
import { saidDigest } from "#src/brain/memory.ts";
import { cutText, phraseHits } from "#src/brain/words.ts";
import { readTarget } from "#src/connections/target.ts";
import { pathFault } from "#src/database/backup-names.ts";
import { jsonTrouble, unstorableTexts } from "#src/http/json-text.ts";
import { canonicalJson } from "#src/kernel/canonical-json.ts";
import { createRedactor } from "#src/kernel/redaction.ts";
import { readYaml } from "#src/workspace/yaml-text.ts";
import { type Case, judged } from "./harness/case.ts";
import { withHomes } from "./harness/homes.ts";
import { costMs, regexesOf, worstOf } from "./harness/regexes.ts";
import { bodyFor, filled, lineOf, routesOf } from "./harness/route-table.ts";
import { bearer, sendRaw } from "./harness/wire.ts";

const LIMIT_MS = 100;
const SRC = join(import.meta.dirname, "..", "src");
const redactor = createRedactor();
redactor.learn("a secret that was learnt");

/** Whoever reads texts from outside, by the most of it that it is given: where less than 1 MB comes through, the place that cuts is named. */
const PARSERS: readonly {
  readonly name: string;
  readonly mostBytes?: number;
  readonly cutBy?: string;
  /** More than the usual limit: it grows with the length alone, and is to become less. */
  readonly knownMs?: number;
  readonly read: (text: string) => unknown;
}[] = [
  { name: "bodies: names, depth, members", read: (text) => jsonTrouble(JSON.stringify({ [text.slice(0, 1_000)]: text })) },
  { name: "bodies: texts that cannot be kept", read: (text) => unstorableTexts({ [text]: [text, text] }, "body") },
  { name: "canonical JSON", read: (text) => canonicalJson({ [text]: text }) },
  { name: "pages of the web", read: readable },
  { name: "words of a tool server", read: (text) => visible(text, 10_000) },
  { name: "patterns of a tool server", read: (text) => schemaProblem({ type: "object", properties: { a: { pattern: text } } }) },
  {
    name: "arguments under a hostile pattern",
    read: (text) => argsProblem({ type: "object", properties: { a: { type: "string", pattern: "^(a+)+$" } } }, { a: text.slice(0, 60) }),
  },
  { name: "bodies of issues", read: unmarked },
  { name: "errors of providers", read: (text) => errorInBody(text, undefined) },
  { name: "addresses", read: readTarget },
  { name: "what is logged", read: redactor.redact },
  { name: "what is remembered", mostBytes: 1_000, cutBy: "the longest memory", read: saidDigest },
  { name: "words for the brain", mostBytes: 100_000, cutBy: "the longest message", read: cutText },
  {
    name: "phrases of procedures",
    mostBytes: 100_000,
    cutBy: "the longest message",
    knownMs: 1_500,
    read: (text) => phraseHits(text, ["air conditioner leak", "\u6f0f\u6c34", "a b c"]),
  },
  { name: "commands", mostBytes: 100_000, cutBy: "the longest argument of a program", read: (text) => whyForbidden(["sh", "-c", text]) },
  { name: "paths of a backup", read: pathFault },
  { name: "files of the workspace", mostBytes: 262_144, cutBy: "the largest file", read: (text) => readYaml(text) },
];

const HOSTILE = [
  "a",
  " ",
  "ab ",
  "<",
  "<a x='",
  "</a>",
  "&amp",
  "<!--",
  '"',
  "\\",
  '\\"',
  "(",
  "[",
  "{",
  "$(",
  "`",
  ";",
  "a|",
  "\u6f22",
  "\u0e41\u0e2d",
  "\u0301",
  "\u200d",
  "\n",
  "a:",
  "- ",
  "1",
  "/",
  ".",
  "=",
  "*a,",
];

/** CPU time that a process has used, in milliseconds. */
async function usedMs(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, "utf8")).split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

export const longTexts: Case = {
  id: "H-54",
  title:
    "1 MB of hostile text for every regular expression of the program, for whoever reads texts from outside, and for every text of every route: at most 100 ms of work, or cut before",
  short: true,
  alone: true, // its patterns are tried in the process of the trials, where others take their times
  limitMs: { short: 120_000, full: 300_000 },
  run: (world) =>
    withHomes(world, async ({ b }) => {
      const slow: string[] = [];
      const routes = await routesOf(b.server);
      const found = await regexesOf(SRC);
      let texts = 0;
      for (const { file, regex } of found) {
        const worst = worstOf(regex, world.short ? 200_000 : 1_000_000, LIMIT_MS); // a cost that grows with the square is endless at either
        texts += worst.texts;
        if (worst.ms > LIMIT_MS) slow.push(`${relative(SRC, file)} ${String(regex)}`);
      }
      for (const { name, mostBytes = 1_000_000, knownMs = LIMIT_MS * 2.5, read } of PARSERS) {
        for (const hostile of HOSTILE) {
          texts += 1;
          const text = hostile.repeat(Math.ceil(mostBytes / hostile.length)).slice(0, mostBytes);
          let ms = costMs(() => read(text), LIMIT_MS);
          for (let tries = 1; ms > LIMIT_MS && tries < 4; tries += 1)
            ms = Math.min(
              ms,
              costMs(() => read(text), LIMIT_MS),
            ); // the first is slower by what is compiled
          if (ms > knownMs) slow.push(`${name} at ${JSON.stringify(hostile)}: ${ms.toFixed(0)} ms`);
        }
      }
      await sleep(200); // connections that were closed while this thread was at work are let go
      const long = "a ".repeat(500_000);
      let probes = 0;
      let worstMs = 0;
      for (const route of routes.filter(({ method, texts: members }) => method === "POST" && members.length > 0)) {
        for (const member of route.texts) {
          const before = await usedMs(b.server.child.pid);
          const sent = { method: "POST", path: filled(route.path, b.ids.ticket), body: JSON.stringify({ ...(bodyFor(route) as object), [member]: long }) };
          const { status } = await sendRaw(b.server.url, { ...sent, headers: [...bearer(b.server.token), "content-type", "application/json"] });
          const ms = (await usedMs(b.server.child.pid)) - before;
          probes += 1;
          worstMs = Math.max(worstMs, ms);
          if (status < 400 || status >= 500) slow.push(`${lineOf(route)} ${member}: ${status}`);
        }
      }
      const control = worstOf(/^(?:a+)+$/, 200_000, LIMIT_MS).ms;
      const squared = worstOf(/\s+$/, 200_000, LIMIT_MS).ms;
      return judged({
        reached: texts + probes,
        wanted: 1_500,
        figure: `${found.length} regular expressions and ${PARSERS.length} readers with ${texts} texts, ${slow.length} too slow; ${probes} texts of 1 MB in bodies, all refused, ${worstMs} ms of work at most; a pattern that is known to be slow: ${control === Number.POSITIVE_INFINITY ? "stopped" : control.toFixed(0)}${slow.length > 0 ? `: ${slow.slice(0, 5).join(" | ")}` : ""}`,
        conditions: {
          "all in time": slow.length === 0,
          "the expressions were found": found.length > 300,
          "a body costs 100 ms": { isKept: worstMs <= LIMIT_MS, isFarOff: worstMs > LIMIT_MS * 10 },
          "the look finds slow ones": control > LIMIT_MS && squared > LIMIT_MS,
        },
      });
    }),
};
