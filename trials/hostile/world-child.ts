import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { contentOf, recordEffect } from "./outside.ts";

/*
 * The servers of the world outside, in a process of their own: pages, an interface over HTTP, GitHub's REST, and on another port a server of the attacker. Whatever changes
 * something, and whatever reaches the attacker, is written down before it is answered.
 */
const folder = process.argv[2]!;

const ISSUE = {
  number: 1,
  title: "t",
  state: "open",
  html_url: "https://x/1",
  user: { login: "stranger" },
  labels: [],
  comments: 0,
  repository_url: "https://x/repos/acme/web",
};

function github(path: string): unknown {
  const [, , repo, what, ...rest] = path.split("/").slice(1);
  const name = `${what}-${rest.join("-")}`;
  if (what === "contents")
    return {
      type: "file",
      path: rest.join("/"),
      name: rest.at(-1),
      sha: "abc",
      size: 1,
      encoding: "base64",
      content: Buffer.from(contentOf(folder, name) ?? `nothing in ${repo}`).toString("base64"),
    };
  if (what === "pulls" && rest.length === 1)
    return { ...ISSUE, number: Number(rest[0]), body: contentOf(folder, name) ?? "", head: { ref: "a", sha: "b" }, base: { ref: "main", sha: "c" } };
  if (what === "issues" && rest.length === 1) return { ...ISSUE, number: Number(rest[0]), body: contentOf(folder, name) ?? "" };
  return [];
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://x");
  const body = await text(request);
  const isGithub = url.pathname.startsWith("/github");
  const send = (status: number, said: unknown, type = "application/json"): void =>
    void response.writeHead(status, { "content-type": type }).end(typeof said === "string" ? said : JSON.stringify(said));
  if (request.method !== "GET") recordEffect(folder, { by: isGithub ? "github" : "api", said: `${request.method} ${request.url} ${body}` });
  const refusal = contentOf(folder, `refusal of ${url.pathname}`);
  if (refusal !== undefined) return send(422, { message: refusal });
  if (isGithub && request.method !== "GET") return send(201, { ...ISSUE, id: 1, body, number: 9 });
  if (isGithub && /\/jobs\/\d+\/logs$/.test(url.pathname)) return send(200, contentOf(folder, `job-${url.pathname.match(/\d+/)![0]}`) ?? "", "text/plain");
  if (isGithub) return send(200, github(url.pathname.slice("/github".length)));
  const name = url.pathname.slice(1);
  const page = contentOf(folder, name);
  return send(page === undefined ? 404 : 200, page ?? "nothing here", name.endsWith(".html") ? "text/html" : "text/plain; charset=utf-8");
}

/** Whatever it is asked, it has what it was asked. */
function evil(request: IncomingMessage, response: ServerResponse): void {
  void text(request).then((body) => {
    recordEffect(folder, { by: "attacker", said: `${request.method} ${request.url} ${body}` });
    response.writeHead(200, { "content-type": "text/plain" }).end("thank you");
  });
}

const listen = async (on: (request: IncomingMessage, response: ServerResponse) => unknown): Promise<number> => {
  const server = createServer((request, response) => void on(request, response)).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  return (server.address() as AddressInfo).port;
};

process.stdout.write(`${JSON.stringify({ say: "ready", port: await listen(answer), evilPort: await listen(evil) })}\n`);
