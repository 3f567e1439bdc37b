// What is new in feeds, RSS 2.0, RSS 1.0 and Atom. A new entry wakes; one that is edited does not.
// loop:interval=900
// loop:network=blog.example.com

// Change this line, and the hosts above.
const FEEDS: readonly string[] = ["https://blog.example.com/feed.xml"];
const ENTRIES = 10;
const MOST_BYTES = 5_000_000;

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
const plain = (text: string): string =>
  text
    .replaceAll(/<!\[CDATA\[([^]*?)\]\]>/g, "$1")
    .replaceAll(/<[^>]*>/g, "")
    .replaceAll(/&(?:#(\d+)|#x([0-9a-f]+)|(lt|gt|quot|apos|amp));/gi, (whole, ...[decimal, hex, name]: (string | undefined)[]) => {
      if (name !== undefined) return ENTITIES[name.toLowerCase()]!;
      const code = decimal === undefined ? Number.parseInt(hex!, 16) : Number(decimal);
      return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    })
    .replaceAll(/\s+/g, " ")
    .trim();

const member = (entry: string, name: string): string => plain(new RegExp(`<${name}(?:\\s[^>]*)?>([^]*?)</${name}>`, "i").exec(entry)?.[1] ?? "");
const linkOf = (entry: string): string => member(entry, "link") || plain(/<link\s[^>]*href=["']([^"']*)["']/i.exec(entry)?.[1] ?? "");

async function read(url: string): Promise<{ readonly title: string; readonly link: string; readonly id: string; readonly at: string }[]> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(30_000) });
  if (!answer.ok) throw new Error(`${url} said ${answer.status}`);
  const text = (await answer.text()).slice(0, MOST_BYTES);
  const entries = [...text.matchAll(/<(item|entry)(?:\s[^>]*)?>([^]*?)<\/\1>/gi)].slice(0, ENTRIES).map(([, , entry]) => entry!);
  if (entries.length === 0 && !/<(?:rss|feed|rdf:RDF)[\s>]/i.test(text)) throw new Error(`${url} gave no feed`);
  return entries.map((entry) => ({
    title: member(entry, "title").slice(0, 120),
    link: linkOf(entry).slice(0, 200),
    id: (member(entry, "guid") || member(entry, "id") || linkOf(entry) || member(entry, "title")).slice(0, 200),
    at: member(entry, "pubDate") || member(entry, "published") || member(entry, "updated") || member(entry, "dc:date"),
  }));
}

const feeds = await Promise.all(FEEDS.map(async (url) => [url, await read(url)] as const));
const signal = Object.fromEntries(feeds.map(([url, entries]) => [url, entries.map(({ id }) => id)]));
const detail = Object.fromEntries(feeds.map(([url, entries]) => [url, entries.map(({ title, link, at }) => `${title} ${link} ${at}`.trim())]));
console.log(JSON.stringify({ signal, detail }));
