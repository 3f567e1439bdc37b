// The alerts that fire in Prometheus. One that begins or ends wakes; its value does not.
// loop:interval=60
// loop:network=127.0.0.1:9090

// Change this line and the host above: an address of your own network counts only where it stands as an address with its port.
const PROMETHEUS = "http://127.0.0.1:9090";
const MOST = 40;

interface Alert {
  readonly state: "pending" | "firing" | "inactive";
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly activeAt: string;
  readonly value: string;
}

const answer = await fetch(`${PROMETHEUS}/api/v1/alerts`, { signal: AbortSignal.timeout(30_000) });
if (!answer.ok) throw new Error(`Prometheus said ${answer.status} ${(await answer.text()).slice(0, 200)}`);
const { status, data, error } = (await answer.json()) as { status: string; error?: string; data?: { alerts: Alert[] } };
if (status !== "success" || data === undefined) throw new Error(`Prometheus said ${error ?? status}`);
const wordsOf = ({ labels: { alertname = "?", ...labels } }: Alert): string =>
  [
    alertname,
    ...Object.entries(labels)
      .map(([name, value]) => `${name}=${value}`)
      .toSorted(),
  ]
    .join(" ")
    .slice(0, 150);
const firing = data.alerts.filter(({ state }) => state === "firing");
const signal = { firing: firing.length, alerts: firing.map(wordsOf).toSorted().slice(0, MOST) };
const detail = {
  pending: data.alerts.filter(({ state }) => state === "pending").length,
  since: Object.fromEntries(firing.slice(0, 10).map((alert) => [wordsOf(alert), `${alert.activeAt} value ${alert.value}`])),
};
console.log(JSON.stringify({ signal, detail }));
