// The open issues of a repository on GitHub. A new issue, another title or label and a new comment wake; an edit does not.
// loop:interval=120
// loop:network=api.github.com
// loop:secret=GITHUB_TOKEN=secret:github_token

// Change this line. For GitHub Enterprise change the address too, and the host above.
const REPOSITORY = "owner/name";
const API = "https://api.github.com";
const SHOWN = 50;

interface Issue {
  readonly number: number;
  readonly title: string;
  readonly comments: number;
  readonly updated_at: string;
  readonly labels: readonly { readonly name: string }[];
  readonly pull_request?: unknown;
}

const answer = await fetch(`${API}/repos/${REPOSITORY}/issues?state=open&sort=created&direction=desc&per_page=100`, {
  headers: { authorization: `Bearer ${process.env["GITHUB_TOKEN"]}`, accept: "application/vnd.github+json", "user-agent": "loopwright-sensor" },
  signal: AbortSignal.timeout(30_000),
});
if (!answer.ok) throw new Error(`${REPOSITORY}: GitHub said ${answer.status} ${(await answer.text()).slice(0, 200)}`);
const issues = ((await answer.json()) as Issue[]).filter((issue) => issue.pull_request === undefined);
const shown = issues.slice(0, SHOWN);
const signal = {
  repository: REPOSITORY,
  open: issues.length,
  issues: shown.map(({ number, title, labels, comments }) => [number, title.slice(0, 70), labels.map(({ name }) => name).join(","), comments]),
};
console.log(JSON.stringify({ signal, detail: { columns: ["number", "title", "labels", "comments"], latest: issues[0]?.updated_at ?? null } }));
