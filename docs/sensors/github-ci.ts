// How the checks of a branch on GitHub stand, by workflow. One that turns red or green wakes; one that is under way does not.
// loop:interval=120
// loop:network=api.github.com
// loop:secret=GITHUB_TOKEN=secret:github_token

// Change these lines. For GitHub Enterprise change the address too, and the host above.
const REPOSITORY = "owner/name";
const BRANCH = "main";
const API = "https://api.github.com";

interface WorkflowRun {
  readonly name: string | null;
  readonly workflow_id: number;
  readonly status: string;
  readonly conclusion: string | null;
  readonly head_sha: string;
  readonly html_url: string;
}

const answer = await fetch(`${API}/repos/${REPOSITORY}/actions/runs?branch=${encodeURIComponent(BRANCH)}&per_page=50`, {
  headers: { authorization: `Bearer ${process.env["GITHUB_TOKEN"]}`, accept: "application/vnd.github+json", "user-agent": "loopwright-sensor" },
  signal: AbortSignal.timeout(30_000),
});
if (!answer.ok) throw new Error(`${REPOSITORY}: GitHub said ${answer.status} ${(await answer.text()).slice(0, 200)}`);
const { workflow_runs: runs } = (await answer.json()) as { workflow_runs: WorkflowRun[] }; // newest first
const nameOf = (run: WorkflowRun): string => run.name ?? String(run.workflow_id);
const ended = new Map<string, WorkflowRun>();
for (const run of runs) if (run.status === "completed" && !ended.has(nameOf(run))) ended.set(nameOf(run), run);
const states = [...ended].toSorted(([a], [b]) => (a < b ? -1 : 1));
const signal = { repository: REPOSITORY, branch: BRANCH, checks: Object.fromEntries(states.map(([name, run]) => [name, run.conclusion])) };
const detail = {
  running: runs.filter((run) => run.status !== "completed").map(nameOf),
  last: Object.fromEntries(states.map(([name, run]) => [name, `${run.head_sha.slice(0, 7)} ${run.html_url}`])),
};
console.log(JSON.stringify({ signal, detail }));
