import { readFileSync, writeFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { extname } from "node:path";
import { pathToFileURL } from "node:url";
import { z } from "zod";

/*
 * The process in which the code of a workspace runs: node code-child.ts <folder of the code> <file> <call>. `call` is a file with { kind, name?, args?, key? }.
 * What it found goes to standard output as one JSON text; what the code prints goes to standard error, and so does what it throws.
 */

interface Tool {
  readonly name: string;
  readonly description: string;
  readonly input: z.ZodType;
  readonly effect?: string;
  readonly risk?: string;
  readonly outbound?: boolean;
  readonly private?: boolean;
  run(args: unknown, call: { key: string }): unknown;
  find?(args: unknown, call: { key: string }): unknown;
}

interface Service {
  readonly manifest: object;
}

type Call =
  | { readonly kind: "describe" }
  | { readonly kind: "define" }
  | { readonly kind: "run" | "find"; readonly name: string; readonly args: unknown; readonly key: string };

const [folder = "", file = "", callFile = ""] = process.argv.slice(2);
const call = JSON.parse(readFileSync(callFile, "utf8")) as Call;
const root = `${pathToFileURL(folder).href}/`;
const place = `${file.split("/")[0]}/`;
const loopwright = new URL(`../../package/main${extname(import.meta.filename)}`, import.meta.url).href;

registerHooks({
  resolve(specifier, context, next) {
    if (context.parentURL?.startsWith(root) !== true) return next(specifier, context);
    if (specifier === "loopwright") return { url: loopwright, shortCircuit: true };
    const url = /^\.{1,2}\//.test(specifier) ? new URL(specifier, context.parentURL).href : "";
    if (url.startsWith(root + place)) return next(specifier, context);
    throw new Error(
      `${context.parentURL.slice(root.length)} imports ${JSON.stringify(specifier)}. Expected "loopwright", or a file of ${place} by its relative path`,
    );
  },
});

const answer = (value: object): never => {
  writeFileSync(1, JSON.stringify(value));
  process.exit(0); // timers and connections that the code left do not hold it up
};
process.stdout.write = process.stderr.write.bind(process.stderr);

const isTool = (value: unknown): value is Tool => typeof value === "object" && value !== null && Symbol.for("loopwright.tool") in value;

/** What `defineService` gave, with where each stands. A function is no part of a service, and is told as one. */
function servicesIn(all: readonly unknown[]): object[] {
  const key = Symbol.for("loopwright.service");
  const services = [...new Set(all)].filter((one): one is Service => typeof one === "object" && one !== null && key in one);
  const here = new RegExp(`${RegExp.escape(new URL(file, root).href)}:(\\d+):(\\d+)`);
  return services.map((service) => {
    const [, line = "1", column = "1"] = here.exec(String((service as unknown as Record<symbol, unknown>)[key])) ?? [];
    const manifest: unknown = JSON.parse(JSON.stringify(service.manifest, (_, value: unknown) => (typeof value === "function" ? "a function" : value)));
    return { line: Number(line), column: Number(column), manifest };
  });
}

const exported = Object.values((await import(new URL(file, root).href)) as Record<string, unknown>).flat();
const tools = [...new Set(exported.filter(isTool))];
const twice = tools.find(({ name }, index) => tools.findIndex((other) => other.name === name) !== index);
if (twice) throw new Error(`${file} defines ${twice.name} twice`);

if (call.kind === "define") {
  answer({ services: servicesIn(exported) });
} else if (call.kind === "describe") {
  answer({
    tools: tools.map(({ name, description, input, effect, risk, outbound, private: isPrivate, find }) => ({
      name,
      description,
      schema: z.toJSONSchema(input, { io: "input" }),
      effect,
      risk,
      outbound,
      private: isPrivate,
      finds: find !== undefined,
    })),
  });
} else {
  const tool = tools.find(({ name }) => name === call.name);
  if (!tool) throw new Error(`${file} does not define ${call.name} any more`);
  const read = tool.input.safeParse(call.args);
  if (!read.success) answer({ invalid: z.prettifyError(read.error) });
  const found: unknown = call.kind === "run" ? await tool.run(read.data, { key: call.key }) : await tool.find?.(read.data, { key: call.key });
  answer(found === undefined && call.kind === "find" ? {} : { result: found ?? null });
}
