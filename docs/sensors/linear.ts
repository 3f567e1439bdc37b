// The open issues of Linear that are assigned to whoever the key belongs to. A new one, another state and another priority wake.
// loop:interval=120
// loop:network=api.linear.app
// loop:secret=LINEAR_API_KEY=secret:linear_api_key

const API = "https://api.linear.app/graphql";
const QUERY = `query { viewer { assignedIssues(first: 60, filter: { state: { type: { nin: ["completed", "canceled"] } } }) {
  nodes { identifier title priority updatedAt state { name } } } } }`;

interface Issue {
  readonly identifier: string;
  readonly title: string;
  readonly priority: number;
  readonly updatedAt: string;
  readonly state: { readonly name: string };
}
interface Answer {
  readonly data?: { readonly viewer: { readonly assignedIssues: { readonly nodes: readonly Issue[] } } };
  readonly errors?: readonly { readonly message: string }[];
}

const answer = await fetch(API, {
  method: "POST",
  headers: { authorization: process.env["LINEAR_API_KEY"]!, "content-type": "application/json" },
  body: JSON.stringify({ query: QUERY }),
  signal: AbortSignal.timeout(30_000),
});
if (!answer.ok) throw new Error(`Linear said ${answer.status} ${(await answer.text()).slice(0, 200)}`);
const { data, errors } = (await answer.json()) as Answer; // errors come with the status 200
if (data === undefined || errors !== undefined) throw new Error(`Linear said ${errors?.[0]?.message ?? "nothing"}`);
const issues = data.viewer.assignedIssues.nodes.toSorted((a, b) => (a.identifier < b.identifier ? -1 : 1));
const signal = { open: issues.length, issues: issues.map(({ identifier, title, state, priority }) => [identifier, title.slice(0, 70), state.name, priority]) };
const latest =
  issues
    .map(({ updatedAt }) => updatedAt)
    .toSorted()
    .at(-1) ?? null;
console.log(JSON.stringify({ signal, detail: { columns: ["id", "title", "state", "priority"], latest } }));
