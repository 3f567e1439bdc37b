import { z } from "zod";
import { listReports, readReport } from "../store/reports.ts";
import { loopVerb, type LoopVerb } from "./verb.ts";

const reportView = z.object({ path: z.string(), sizeBytes: z.int(), digest: z.string().describe("SHA-256 of the content"), keptAt: z.string() });

const iso = (ms: number): string => new Date(ms).toISOString();

const list = loopVerb({
  name: "report list",
  summary: "What workers delivered: the files below reports/ as they were last seen, those that changed last first.",
  access: "read",
  reads: true,
  input: z.strictObject({}),
  output: z.object({ reports: z.array(reportView) }),
  perform: async ({ db }) => ({
    reports: (await listReports(db)).map(({ path, sizeBytes, digest, keptAtMs }) => ({ path, sizeBytes, digest, keptAt: iso(keptAtMs) })),
  }),
});

const show = loopVerb({
  name: "report show",
  summary: "One report, also where its file is gone.",
  access: "read",
  reads: true,
  input: z.strictObject({ path: z.string().min(1).max(500).describe("below reports/, such as fix-login.md") }),
  output: reportView.extend({ text: z.string().nullable().describe("null: it is no text"), base64: z.string().nullable() }),
  async perform({ db }, _speaker, { path }) {
    const { content, keptAtMs, ...report } = await readReport(db, path);
    const text = content.toString("utf8");
    const isText = Buffer.from(text).equals(content);
    return { ...report, keptAt: iso(keptAtMs), text: isText ? text : null, base64: isText ? null : content.toString("base64") };
  },
});

export const reportVerbs: readonly LoopVerb[] = [list, show] as readonly unknown[] as readonly LoopVerb[];
