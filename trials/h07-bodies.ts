import { readFile } from "node:fs/promises";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { type Case, judged } from "./harness/case.ts";
import { contentsOf, touched, withHomes } from "./harness/homes.ts";
import { bodyFor, filled, lineOf, type Route, routesOf } from "./harness/route-table.ts";
import { inLanes } from "./harness/wait.ts";
import { bearer, sendRaw } from "./harness/wire.ts";

interface Trick {
  readonly name: string;
  readonly type?: string;
  readonly more?: readonly string[];
  readonly body: (sound: string) => string | Buffer;
}

const JSON_TYPE = "application/json";
const inner = (sound: string, members: string): string => `{${members}${sound === "{}" ? "" : `,${sound.slice(1, -1)}`}}`;
const multipart = (sound: string): string =>
  `--x\r\ncontent-disposition: form-data; name="text"; filename="../../etc/passwd"\r\ncontent-type: application/json\r\n\r\n${sound}\r\n--x--\r\n`;
const BOMB = gzipSync(Buffer.alloc(64_000_000), { level: 9 });

/** Bodies that say one thing and are another. */
const TRICKS: readonly Trick[] = [
  { name: "JSON said to be multipart", type: "multipart/form-data; boundary=x", body: (sound) => sound },
  { name: "multipart said to be JSON", type: JSON_TYPE, body: multipart },
  { name: "multipart with a file of the server", type: "multipart/form-data; boundary=x", body: multipart },
  { name: "JSON said to be a form", type: "application/x-www-form-urlencoded", body: (sound) => sound },
  { name: "a form said to be JSON", type: JSON_TYPE, body: () => "text=a&yes=true&reason=x" },
  { name: "JSON without a type", body: (sound) => sound },
  { name: "JSON said to be text", type: "text/plain", body: (sound) => sound },
  { name: "XML with an entity of a file", type: "application/xml", body: () => '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><text>&b;</text>' },
  { name: "XML said to be JSON", type: JSON_TYPE, body: () => '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><text>&b;</text>' },
  { name: "YAML said to be JSON", type: JSON_TYPE, body: () => "text: !!js/function 'function(){}'" },
  { name: "a member twice", type: JSON_TYPE, body: (sound) => inner(sound, '"reason":"a","reason":"b"') },
  { name: "a member twice, escaped", type: JSON_TYPE, body: (sound) => inner(sound, '"text":"a","t\\u0065xt":"b"') },
  { name: "__proto__", type: JSON_TYPE, body: (sound) => inner(sound, '"__proto__":{"roles":["owner"]}') },
  { name: "constructor.prototype", type: JSON_TYPE, body: (sound) => inner(sound, '"constructor":{"prototype":{"roles":["owner"]}}') },
  { name: "__proto__ within", type: JSON_TYPE, body: (sound) => inner(sound, '"labels":{"__proto__":{"a":"b"}}') },
  { name: "a byte order mark", type: JSON_TYPE, body: (sound) => `\uFEFF${sound}` },
  { name: "UTF-16LE", type: JSON_TYPE, body: (sound) => Buffer.from(sound, "utf16le") },
  { name: "UTF-16BE with a mark", type: JSON_TYPE, body: (sound) => Buffer.concat([Buffer.from([0xfe, 0xff]), Buffer.from(sound, "utf16le").swap16()]) },
  { name: "UTF-16 as said", type: "application/json; charset=utf-16", body: (sound) => Buffer.from(sound, "utf16le") },
  { name: "UTF-7 as said", type: "application/json; charset=utf-7", body: (sound) => sound },
  { name: "bytes that are no UTF-8", type: JSON_TYPE, body: () => Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]) },
  { name: "half of a pair", type: JSON_TYPE, body: (sound) => inner(sound, '"\\ud800":"x"') },
  { name: "NUL", type: JSON_TYPE, body: (sound) => inner(sound, '"reason":"a\\u0000b"') },
  { name: "packed by gzip", type: JSON_TYPE, more: ["content-encoding", "gzip"], body: (sound) => gzipSync(sound) },
  { name: "packed by deflate", type: JSON_TYPE, more: ["content-encoding", "deflate"], body: (sound) => deflateSync(sound) },
  { name: "packed by brotli", type: JSON_TYPE, more: ["content-encoding", "br"], body: (sound) => brotliCompressSync(sound) },
  { name: "packed and not said", type: JSON_TYPE, body: (sound) => gzipSync(sound) },
  { name: "100 levels", type: JSON_TYPE, body: (sound) => inner(sound, `"labels":${"[".repeat(100)}${"]".repeat(100)}`) },
  { name: "100,000 open brackets", type: JSON_TYPE, body: () => "[".repeat(100_000) },
  { name: "20,000 members", type: JSON_TYPE, body: () => `{${Array.from({ length: 20_000 }, (_, index) => `"k${index}":1`).join(",")}}` },
  { name: "two values", type: JSON_TYPE, body: (sound) => `${sound}${sound}` },
  { name: "a list", type: JSON_TYPE, body: (sound) => `[${sound}]` },
  { name: "a text", type: JSON_TYPE, body: (sound) => JSON.stringify(sound) },
  { name: "numbers beyond all", type: JSON_TYPE, body: (sound) => inner(sound, '"severity":1e999,"byUsd":-1e999,"revision":99999999999999999999') },
];

async function rssMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? Number.NaN) / 1_024;
}

/** Where the body is free: what it says is the business of whoever gets it. */
const takesBody = ({ method, path }: Route): boolean => method === "POST" && path !== "/v1/health";

export const bodies: Case = {
  id: "H-07",
  title:
    "bodies of another type than they say, doubled and reserved names, marks, other letters, packed 1:1000, on every route that takes one: 4xx, nothing of a file in the answer, nothing touched, 20 MB more memory at most",
  short: true,
  limitMs: { short: 120_000, full: 120_000 },
  run: (world) =>
    withHomes(world, async ({ b }) => {
      const routes = (await routesOf(b.server)).filter(takesBody);
      const before = await contentsOf(b.db);
      const wrong: string[] = [];
      let probes = 0;
      const jobs = routes.flatMap((route, at) => TRICKS.filter((_, index) => !world.short || (index + at) % 2 === 0).map((trick) => ({ route, trick })));
      await inLanes(jobs, 4, async ({ route, trick: { name, type, more = [], body } }) => {
        const headers = [...bearer(b.server.token), ...(type === undefined ? [] : ["content-type", type]), ...more];
        const answer = await sendRaw(b.server.url, {
          method: "POST",
          path: filled(route.path, b.ids.ticket),
          headers,
          body: body(JSON.stringify(bodyFor(route))),
        });
        probes += 1;
        if (answer.status < 400 || answer.status > 499) wrong.push(`${lineOf(route)} ${name}: ${answer.status}`);
        if (answer.text.includes("root:")) wrong.push(`${lineOf(route)} ${name}: shows a file`);
      });
      const { pid } = b.server.child;
      const calmMb = await rssMb(pid);
      let mostMb = calmMb;
      for (const route of routes) {
        const headers = [...bearer(b.server.token), "content-type", JSON_TYPE, "content-encoding", "gzip"];
        const answer = await sendRaw(b.server.url, { method: "POST", path: filled(route.path, b.ids.ticket), headers, body: BOMB });
        probes += 1;
        mostMb = Math.max(mostMb, await rssMb(pid));
        if (answer.status !== 415 && answer.status !== 0) wrong.push(`${lineOf(route)} a bomb: ${answer.status}`); // 0: it hung up while the bomb was still being sent
      }
      const changed = touched(before, await contentsOf(b.db));
      const sound = await sendRaw(b.server.url, {
        method: "POST",
        path: "/v1/workspace/plan",
        headers: [...bearer(b.server.token), "content-type", JSON_TYPE],
        body: "{}",
      });
      return judged({
        reached: probes,
        wanted: 400,
        figure: `${TRICKS.length} tricks on ${routes.length} routes, ${wrong.length} not refused, ${changed.length} tables touched; bombs of ${(BOMB.length / 1_024).toFixed(0)} KiB that hold 64 MB: ${(mostMb - calmMb).toFixed(1)} MB more; a sound body ${sound.status}${wrong.length > 0 ? `: ${wrong.slice(0, 5).join(" | ")}` : ""}`,
        conditions: {
          "4xx for all": wrong.length === 0,
          "nothing touched": changed.length === 0,
          "20 MB at most": mostMb - calmMb <= 20,
          "a sound body is taken": sound.status === 200,
        },
      });
    }),
};
