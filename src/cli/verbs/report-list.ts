import { createApi } from "../client/api.ts";
import type { Context, Verb } from "../verb.ts";

interface ReportShape {
  readonly path: string;
  readonly sizeBytes: number;
  readonly keptAt: string;
}

/** By whose right it is asked for: a person's, or that of an agent or worker. */
type Reach = (context: Context) => Pick<ReturnType<Context["api"]>, "get">;
const asPerson: Reach = (context) => context.api();
const asAgent: Reach = (context) => createApi(context.agentTarget());

const listFor = (reach: Reach, example: string): Verb => ({
  args: "",
  flags: {},
  words: { least: 0, most: 0 },
  about: "The files below reports/ of the workspace as they were last seen, those that changed last first. One whose file was deleted is still here.",
  examples: [example],
  async run(_given, context) {
    const body = await reach(context).get("/v1/loop/report/list");
    if (context.json) return context.print(body);
    const { reports } = JSON.parse(body) as { reports: readonly ReportShape[] };
    if (reports.length === 0) return context.print("Nothing was delivered yet. Workers put what they deliver into reports/ of the workspace.");
    const { plainLine } = await import("#src/kernel/plain.ts");
    context.print(reports.map(({ path, sizeBytes, keptAt }) => `${keptAt.slice(0, 16).replace("T", " ")}  ${plainLine(path)}  ${sizeBytes} bytes`).join("\n"));
  },
});

const showFor = (reach: Reach, example: string): Verb => ({
  args: "<path>",
  flags: {},
  words: { least: 1, most: 1 },
  about: "As it was last seen, also where its file was deleted. What is no text is printed with --json only, in base64.",
  examples: [`${example} fix-login.md`, `${example} fix-login.md > reports/fix-login.md`],
  async run(given, context) {
    const body = await reach(context).get(`/v1/loop/report/show?path=${encodeURIComponent(given.words[0]!)}`);
    if (context.json) return context.print(body);
    const { text, path, sizeBytes } = JSON.parse(body) as ReportShape & { readonly text: string | null };
    const { plain, plainLine } = await import("#src/kernel/plain.ts");
    if (text === null) return context.print(`${plainLine(path)} is no text (${sizeBytes} bytes); --json gives it in base64.`);
    context.type(plain(text));
  },
});

export const reportList = listFor(asPerson, "loop reports");
export const reportShow = showFor(asPerson, "loop report");
export const loopReportList = listFor(asAgent, "loop _ report list");
export const loopReportShow = showFor(asAgent, "loop _ report show");
