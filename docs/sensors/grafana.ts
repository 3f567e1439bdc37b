// The alerts that are active in Grafana, by its own alert manager. One that begins or ends wakes; a silenced one does not count.
// loop:interval=60
// loop:network=grafana.example.com
// loop:secret=GRAFANA_TOKEN=secret:grafana_token

// Change this line and the host above. The token is of a service account with the role Viewer.
const GRAFANA = "https://grafana.example.com";
const MOST = 40;

interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly generatorURL: string;
  readonly status: { readonly state: "active" | "suppressed" | "unprocessed" };
}

const answer = await fetch(`${GRAFANA}/api/alertmanager/grafana/api/v2/alerts`, {
  headers: { authorization: `Bearer ${process.env["GRAFANA_TOKEN"]}` },
  signal: AbortSignal.timeout(30_000),
});
if (!answer.ok) throw new Error(`Grafana said ${answer.status} ${(await answer.text()).slice(0, 200)}`);
const alerts = (await answer.json()) as Alert[];
const wordsOf = ({ labels: { alertname = "?", ...labels } }: Alert): string =>
  [
    alertname,
    ...Object.entries(labels)
      .filter(([name]) => !name.startsWith("__"))
      .map(([name, value]) => `${name}=${value}`)
      .toSorted(),
  ]
    .join(" ")
    .slice(0, 150);
const active = alerts.filter(({ status }) => status.state === "active");
const signal = { active: active.length, alerts: active.map(wordsOf).toSorted().slice(0, MOST) };
const detail = {
  silenced: alerts.length - active.length,
  since: Object.fromEntries(active.slice(0, 10).map((alert) => [wordsOf(alert), `${alert.startsAt} ${alert.generatorURL}`])),
};
console.log(JSON.stringify({ signal, detail }));
