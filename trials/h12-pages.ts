import { type Case, judged } from "./harness/case.ts";
import { withHomes } from "./harness/homes.ts";
import { bearer, sendRaw } from "./harness/wire.ts";

/** What a page may be opened with to lead it elsewhere. */
const LURES = [
  "",
  "?server=http://evil.example",
  "?url=http://evil.example/openapi.json",
  "?configUrl=http://evil.example/config.json",
  "?urls.primaryName=x&spec=http://evil.example",
  "?token=loop_x&access_token=x",
  "?validatorUrl=http://evil.example",
];
const PAGES = [
  "/docs",
  "/docs/",
  "/docs/static/index.html",
  "/docs/static/oauth2-redirect.html",
  "/docs/static/swagger-initializer.js",
  "/docs/json",
  "/docs/yaml",
  "/openapi.json",
];
const DATA = ["/v1/me", "/v1/tickets", "/v1/health", "/v1/nothing", "/v1/tickets/%E0%A4%A", "/v1/feed"];

/** Addresses of other places that a page would load, run or send to. */
function outside(text: string): string[] {
  const loads = [
    ...text.matchAll(/(?:src|href|action|data-url)\s*=\s*["']?((?:https?:)?\/\/[^"'\s>]+)/gi),
    ...text.matchAll(/(?:@import|url\()\s*["']?((?:https?:)?\/\/[^"'\s)]+)/gi),
  ].map((hit) => hit[1]!);
  return loads.filter((address) => !/^(https?:)?\/\/(localhost|127\.0\.0\.1)/.test(address));
}

const directive = (policy: string, name: string): string =>
  policy
    .split(";")
    .map((one) => one.trim())
    .find((one) => one.startsWith(`${name} `)) ?? "";

export const pages: Case = {
  id: "H-12",
  title:
    "every page and answer, opened with addresses of other servers and tokens in its query: a policy that frames nothing, runs and asks nothing from elsewhere; no address of elsewhere in it, and nothing of the query",
  short: true,
  limitMs: { short: 120_000, full: 120_000 },
  run: (world) =>
    withHomes(world, async ({ b }) => {
      const wrong: string[] = [];
      let probes = 0;
      let html = 0;
      const lacking = (name: string, policy: string, isPage: boolean): void => {
        const allowed = isPage ? /^default-src 'none'$/ : /^default-src 'none'$/;
        if (!allowed.test(directive(policy, "default-src"))) wrong.push(`${name}: no default-src`);
        for (const part of ["frame-ancestors", "base-uri", "form-action"])
          if (directive(policy, part) !== `${part} 'none'`) wrong.push(`${name}: ${part} is ${directive(policy, part)}`);
        for (const part of ["script-src", "connect-src"])
          if (!["", `${part} 'self'`].includes(directive(policy, part))) wrong.push(`${name}: ${directive(policy, part)}`);
        if (/https?:|\*/.test(policy)) wrong.push(`${name}: the policy names ${policy}`);
      };
      for (const path of [...PAGES, ...DATA]) {
        for (const lure of LURES) {
          for (const headers of [bearer(b.server.token), []]) {
            const answer = await sendRaw(b.server.url, { path: path + lure, headers, untilBytes: path === "/v1/feed" ? 1 : 5_000_000, limitMs: 3_000 });
            const name = `GET ${path}${lure}`;
            probes += 1;
            if (answer.status === 400 && path.includes("%E0")) {
              if (answer.headers["x-content-type-options"] !== "nosniff") wrong.push(`${name}: may be taken for another type`);
              continue; // no request that any page could be made of
            }
            const isPage = String(answer.headers["content-type"]).includes("html");
            if (isPage) html += 1;
            lacking(name, String(answer.headers["content-security-policy"]), isPage);
            for (const [header, expected] of [
              ["x-frame-options", "DENY"],
              ["x-content-type-options", "nosniff"],
              ["referrer-policy", "no-referrer"],
            ] as const)
              if (answer.headers[header] !== expected) wrong.push(`${name}: ${header} is ${String(answer.headers[header])}`);
            if (isPage && outside(answer.text).length > 0) wrong.push(`${name} loads ${outside(answer.text).join(", ")}`);
            if (path.startsWith("/docs") && answer.text.includes("evil.example")) wrong.push(`${name} says what it was opened with`);
            if (answer.headers.location !== undefined && !/^\/docs(\/(?!\/)|\?|$)/.test(answer.headers.location))
              wrong.push(`${name} leads to ${answer.headers.location}`);
          }
        }
      }
      const script = await sendRaw(b.server.url, { path: "/docs/static/swagger-initializer.js", headers: bearer(b.server.token) });
      const followsQuery = /queryConfigEnabled["']?\s*:\s*true/.test(script.text);
      const asksValidator = !/validatorUrl["']?\s*:\s*null/.test(script.text);
      const control =
        outside('<script src="https://evil.example/x.js"></script><link href=//cdn.example/a.css>').length === 2 &&
        directive("default-src 'none'; frame-ancestors *", "frame-ancestors") === "frame-ancestors *";
      return judged({
        reached: probes,
        wanted: 150,
        figure: `${probes} openings, ${html} pages among them, ${wrong.length} wrong; the page follows its query: ${followsQuery}, asks a validator: ${asksValidator}. There is no page of ours yet that takes messages of other windows${wrong.length > 0 ? `: ${[...new Set(wrong)].slice(0, 5).join(" | ")}` : ""}`,
        conditions: {
          "nothing leads elsewhere": wrong.length === 0,
          "pages were seen": html >= 10,
          "its settings come from us": !followsQuery && !asksValidator,
          "the look finds what leads elsewhere": control,
        },
      });
    }),
};
