import { z } from "zod";
import { duration, header, secretReference, slug } from "./common.ts";

/** What a tool does to the world, as whoever applies the workspace says. What a server says of its own tools is never believed. */
const toolTerms = z.strictObject({
  effect: z.enum(["read", "idempotent", "findable", "once"]).optional(),
  risk: z.enum(["low", "medium", "high"]).optional(),
  /** Its results may hold what must not leave. */
  private: z.boolean().optional(),
  /** It sends or changes something outside, where a text could have chosen what or where to. */
  outbound: z.boolean().optional(),
});

const environment = z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "expected the name of an environment variable"), z.string());

const mcp = z.strictObject({
  by: z.literal("mcp"),
  /** A program that speaks MCP on its standard input and output. Its environment is this one and nothing else; `secret:name` stands for a value. */
  command: z.array(z.string().min(1)).min(1).optional(),
  env: environment.default({}),
  /** Or a server that speaks Streamable HTTP. */
  url: z.url({ protocol: /^https?$/ }).optional(),
  auth: z
    .discriminatedUnion("type", [
      z.strictObject({ type: z.literal("token"), token: secretReference, header: z.string().default("authorization") }),
      z.strictObject({
        type: z.literal("oauth"),
        clientId: z.string().optional(),
        clientSecret: secretReference.optional(),
        scopes: z.array(z.string()).default([]),
      }),
    ])
    .optional(),
  /** Run the program in the sandbox, with the network or without; `off`: as it is. */
  sandbox: z.enum(["on", "network", "off"]).default("on"),
  /** Where the program starts: absolute, or below the workspace. Left out: the workspace. */
  folder: z.string().min(1).optional(),
  /** Folders that it may write to, absolute or below the workspace; in the sandbox all else is read-only. */
  writable: z.array(z.string().min(1)).default([]),
});

const github = z.strictObject({
  by: z.literal("github"),
  baseUrl: z.url({ protocol: /^https?$/ }).default("https://api.github.com"),
  /** A token, or an app with its installation. */
  auth: z.discriminatedUnion("type", [
    z.strictObject({ type: z.literal("token"), token: secretReference }),
    z.strictObject({ type: z.literal("app"), appId: z.string().min(1), installationId: z.string().min(1), privateKey: secretReference }),
  ]),
  /** `owner/name`; nothing else is reached. `*` stands for any run of characters. */
  repositories: z.array(z.string().regex(/^[\w.*-]+\/[\w.*-]+$/, "expected owner/name")).min(1),
});

/** Exactly a host, or `*.` and what stands above it. */
export const hostPattern = z
  .string()
  .regex(
    /^(\*\.)?([\p{L}\p{N}](?:[\p{L}\p{N}.-]*[\p{L}\p{N}])?|\[[0-9a-fA-F:.]+\])(:\d{1,5})?$/u,
    "expected a host such as api.example.com, *.example.com or localhost:8080",
  );

/** A text, or `secret:name`, alone or after a word such as `Bearer`. */
const headerValue = z.string().refine((text) => {
  const at = text.indexOf("secret:");
  return at === -1 || (/^(\S+ )?$/.test(text.slice(0, at)) && secretReference.safeParse(text.slice(at)).success);
}, "expected a text, or a reference such as secret:name, alone or after one word such as Bearer");

const headerName = z
  .string()
  .regex(/^[A-Za-z0-9-]+$/, "expected the name of a header")
  .refine((name) => !REFUSED_HEADERS.has(name.toLowerCase()), "expected another header; this one the connection sets");
const REFUSED_HEADERS = new Set([
  "host",
  "content-length",
  "transfer-encoding",
  "connection",
  "upgrade",
  "idempotency-key",
  "accept-encoding",
  "te",
  "trailer",
]);

const http = z.strictObject({
  by: z.literal("http"),
  /** Hosts that may be asked, exactly; `*.example.com` stands for every name below it. With `:port` where it is not the usual one. */
  hosts: z.array(hostPattern).min(1),
  /** Sent with every request, and to no other host than the one that was asked for. */
  headers: z.record(headerName, headerValue).default({}),
  methods: z.array(z.enum(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])).default(["GET"]),
  /** Addresses within the own network are refused without this. */
  privateNetwork: z.boolean().default(false),
});

const files = z.strictObject({
  by: z.literal("files"),
  /** Absolute folders, or folders below the workspace. Nothing outside is reached, through links neither. */
  roots: z.array(z.strictObject({ name: slug, path: z.string().min(1), write: z.boolean().default(false) })).min(1),
});

const shell = z.strictObject({
  by: z.literal("shell"),
  /** Programs by name or path that may be run; empty: any, as policy says. */
  programs: z.array(z.string().min(1)).default([]),
  folder: z.string().min(1).optional(),
  timeout: duration.default(120_000),
});

const web = z.strictObject({
  by: z.literal("web"),
  search: z
    .strictObject({ provider: z.enum(["tavily", "firecrawl"]), apiKey: secretReference, baseUrl: z.url({ protocol: /^https?$/ }).optional() })
    .optional(),
  /** Hosts that pages may be fetched from; left out: any public one. */
  hosts: z.array(hostPattern).min(1).optional(),
  privateNetwork: z.boolean().default(false),
});

/** TypeScript of the workspace, in a process of its own. Without a file of YAML, `tools/<name>.ts` is a server `<name>` with the usual limits. */
const code = z.strictObject({
  by: z.literal("code"),
  file: z.string().regex(/^tools\/[^/]+\.ts$/, "expected a file such as tools/orders.ts"),
  /** Of all code in tools/; filled in when the workspace is read. */
  digest: z.literal("").default("") as unknown as z.ZodType<string, string | undefined>,
});

/** The tools of our own connectors. What they do to the world they know themselves, and a file can only be stricter; of HTTP a service may promise more. */
const OWN_TOOLS: Readonly<Record<string, readonly string[]>> = {
  github: [
    "issues.read",
    "issues.list",
    "issues.search",
    "issues.write",
    "issues.comment",
    "pulls.read",
    "pulls.write",
    "pulls.propose",
    "checks.read",
    "ci.logs",
    "contents.read",
  ],
  http: ["get", "head", "post", "put", "patch", "delete"],
  files: ["read", "list", "search", "write"],
  shell: ["run"],
  web: ["fetch", "search"],
};

/** `tools/<name>.yaml`: where tools come from. Their names are `<name>.<tool>`. */
export const toolServerManifest = z
  .strictObject({
    ...header,
    kind: z.literal("ToolServer"),
    name: slug,
    description: z.string().default(""),
    from: z.discriminatedUnion("by", [mcp, github, http, files, shell, web, code]),
    /** For each tool; what is left out is taken to be the worst: `once`, outbound, private. */
    tools: z.record(z.string(), toolTerms).default({}),
    /** Digests of definitions that tools must have, by name; a tool with another one is off. Left out: those seen first. */
    pins: z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/, "expected a SHA-256 in hexadecimal")).default({}),
    limits: z
      .strictObject({
        timeout: duration.default(60_000),
        maxResultBytes: z.int().min(1_024).max(10_485_760).default(262_144),
        maxTools: z.int().min(1).max(10_000).default(256),
        concurrency: z.int().min(1).max(100).default(8),
      })
      .prefault({}),
  })
  .superRefine(({ from, tools }, context) => {
    const own = OWN_TOOLS[from.by];
    for (const tool of own === undefined ? [] : Object.keys(tools).filter((name) => !own.includes(name)))
      context.addIssue({ code: "custom", path: ["tools", tool], message: `expected one of its tools, ${own!.join(", ")}` });
  });
export type ToolServerManifest = z.infer<typeof toolServerManifest>;
