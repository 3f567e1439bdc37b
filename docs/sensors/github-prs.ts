// The open pull requests of a repository on GitHub. A new one, a new commit on one and a draft that became ready wake.
// loop:interval=120
// loop:network=api.github.com
// loop:secret=GITHUB_TOKEN=secret:github_token

// Change this line. For GitHub Enterprise change the address too, and the host above.
const REPOSITORY = "owner/name";
const API = "https://api.github.com";
const SHOWN = 50;

interface Pull {
  readonly number: number;
  readonly title: string;
  readonly draft?: boolean;
  readonly updated_at: string;
  readonly user: { readonly login: string } | null;
  readonly head: { readonly sha: string };
}

const answer = await fetch(`${API}/repos/${REPOSITORY}/pulls?state=open&sort=created&direction=desc&per_page=100`, {
  headers: { authorization: `Bearer ${process.env["GITHUB_TOKEN"]}`, accept: "application/vnd.github+json", "user-agent": "loopwright-sensor" },
  signal: AbortSignal.timeout(30_000),
});
if (!answer.ok) throw new Error(`${REPOSITORY}: GitHub said ${answer.status} ${(await answer.text()).slice(0, 200)}`);
const pulls = (await answer.json()) as Pull[];
const signal = {
  repository: REPOSITORY,
  open: pulls.length,
  pulls: pulls
    .slice(0, SHOWN)
    .map(({ number, title, draft, head, user }) => [number, title.slice(0, 70), user?.login ?? "", draft === true ? "draft" : "ready", head.sha.slice(0, 7)]),
};
console.log(JSON.stringify({ signal, detail: { columns: ["number", "title", "by", "state", "head"], latest: pulls[0]?.updated_at ?? null } }));
