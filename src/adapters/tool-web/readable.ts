const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: " ",
  mdash: "—",
  ndash: "–",
  hellip: "…",
  copy: "©",
};
const UNSEEN = /<(script|style|noscript|template|svg|iframe|object|head)\b[^<>]*>[^]*?(?:<\/\1\s*>|$)/gi;
const BLOCKS = /<\/?(?:p|div|section|article|header|footer|main|nav|aside|h[1-6]|ul|ol|li|table|tr|blockquote|pre|hr|br|form|figure|dd|dt)\b[^<>]*>/gi;

const HREF = /\bhref=["']?(https?:[^"'\s>]{1,500})/i;

export interface Readable {
  readonly title: string;
  readonly text: string;
}

/** What a person would read of a page: no markup, no scripts, no comments, links with their address. Each step goes over the text once: a tag
 * ends where the next one begins. */
export function readable(html: string): Readable {
  const title = /<title\b[^<>]*>([^<]{0,500})/i.exec(html)?.[1] ?? "";
  const text = withoutComments(html)
    .replace(UNSEEN, " ")
    .replace(/<a\b([^<>]*)>([^<]{0,500})<\/a\s*>/gi, (whole, attributes: string, label: string) => {
      const href = HREF.exec(attributes)?.[1];
      return href === undefined ? whole : `${label} (${href})`;
    })
    .replace(/<li\b[^<>]*>/gi, "\n- ")
    .replace(BLOCKS, "\n")
    .replace(/<[^<>]*>/g, "");
  const lines = decoded(text)
    .split("\n")
    .map((line) => line.replace(/[^\S\n]+/g, " ").trim());
  return {
    title: decoded(title).replace(/\s+/g, " ").trim(),
    text: lines
      .join("\n")
      .replace(/\n{3,}/g, "\n\n")
      .trim(),
  };
}

function withoutComments(html: string): string {
  let out = "";
  for (let from = 0; ;) {
    const start = html.indexOf("<!--", from);
    if (start === -1) return out + html.slice(from);
    out += html.slice(from, start);
    const end = html.indexOf("-->", start + 4);
    if (end === -1) return out;
    from = end + 3;
  }
}

const decoded = (text: string): string =>
  text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(\w{2,8}));/gi, (whole, ...[decimal, hex, name]: (string | undefined)[]) => {
    if (name !== undefined) return ENTITIES[name.toLowerCase()] ?? whole;
    const point = decimal === undefined ? Number.parseInt(hex ?? "", 16) : Number(decimal);
    return point > 0 && point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff) ? String.fromCodePoint(point) : "\uFFFD";
  });
