import { LoopError } from "#src/kernel/errors.ts";

/*
 * The part of the tar format (POSIX.1-2001, "pax") that a backup uses: regular files, folders, and long names in a pax header. `tar -tzf` lists a backup.
 * The reader takes what the writer writes and refuses everything else: links, devices, sparse files, names that are not UTF-8.
 */

const BLOCK = 512;
const LONGEST_PAX_BYTES = 65_536;
const LARGEST_OCTAL = 8 ** 11;

export interface TarEntry {
  /** With `/` between its parts. From a reader: as it stands in the archive, not checked. */
  readonly name: string;
  readonly kind: "file" | "folder";
  readonly sizeBytes: number;
  readonly isExecutable: boolean;
}

/** What stands before the bytes of an entry. After them comes {@link tarPadding}. */
export function tarHeader(entry: TarEntry): Buffer {
  if (Buffer.byteLength(entry.name) <= 100 && entry.sizeBytes < LARGEST_OCTAL) return ustarHeader(entry, entry.kind === "folder" ? "5" : "0");
  const records = Buffer.concat([paxRecord("path", entry.name), paxRecord("size", String(entry.sizeBytes))]);
  const pax = ustarHeader({ name: "pax", kind: "file", sizeBytes: records.length, isExecutable: false }, "x");
  const short = ustarHeader(
    { ...entry, name: "long-name", sizeBytes: entry.sizeBytes < LARGEST_OCTAL ? entry.sizeBytes : 0 },
    entry.kind === "folder" ? "5" : "0",
  );
  return Buffer.concat([pax, records, tarPadding(records.length), short]);
}

export const tarPadding = (sizeBytes: number): Buffer => Buffer.alloc((BLOCK - (sizeBytes % BLOCK)) % BLOCK);

export const TAR_END = Buffer.alloc(2 * BLOCK);

function ustarHeader({ name, kind, sizeBytes, isExecutable }: TarEntry, type: string): Buffer {
  const header = Buffer.alloc(BLOCK);
  header.write(name, 0, 100, "utf8");
  header.write(`${octal(kind === "folder" || isExecutable ? 0o755 : 0o644, 7)}\0${octal(0, 7)}\0${octal(0, 7)}\0`, 100, "latin1");
  header.write(`${octal(sizeBytes, 11)}\0${octal(0, 11)}\0        ${type}`, 124, "latin1");
  header.write("ustar\x0000", 257, "latin1");
  header.write(`${octal(checksum(header), 6)}\0 `, 148, "latin1");
  return header;
}

const octal = (value: number, digits: number): string => value.toString(8).padStart(digits, "0");

/** The sum of the header's bytes, its own eight counted as spaces. */
function checksum(header: Buffer): number {
  let sum = 8 * 0x20;
  for (const [at, byte] of header.entries()) if (at < 148 || at >= 156) sum += byte;
  return sum;
}

/** `<length> <key>=<value>\n`, where the length counts itself. */
function paxRecord(key: string, value: string): Buffer {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + 1;
  while (String(length).length + rest !== length) length += 1;
  return Buffer.from(`${length} ${key}=${value}\n`);
}

/** One entry of an archive that is read. Its bytes come once, and before the next entry; what is left of them is skipped. */
export interface OpenEntry extends TarEntry {
  bytes(): AsyncGenerator<Buffer>;
}

/** @throws LoopError backup_invalid when the bytes are no archive as {@link tarHeader} writes it, or end too soon */
export async function* readTar(chunks: AsyncIterable<Buffer>): AsyncGenerator<OpenEntry> {
  const reader = new ByteReader(chunks);
  for (;;) {
    const entry = await readHeader(reader);
    if (entry === undefined) return await reader.toEnd();
    let left = entry.sizeBytes;
    const bytes = async function* (): AsyncGenerator<Buffer> {
      while (left > 0) {
        const piece = await reader.some(left);
        left -= piece.length;
        yield piece;
      }
    };
    yield { ...entry, bytes };
    while (left > 0) left -= (await reader.some(left)).length; // what nobody took
    await reader.exactly(tarPadding(entry.sizeBytes).length);
  }
}

async function readHeader(reader: ByteReader): Promise<TarEntry | undefined> {
  const first = await headerBlock(reader);
  if (first === undefined || first.type !== "x") return first?.entry;
  const { sizeBytes } = first.entry;
  if (sizeBytes > LONGEST_PAX_BYTES) throw damaged("a name in it is too long");
  const records = paxRecords(await reader.exactly(sizeBytes));
  await reader.exactly(tarPadding(sizeBytes).length);
  const second = await headerBlock(reader);
  if (second === undefined || second.type === "x") throw damaged("a long name stands before nothing");
  const size = Number(records.get("size") ?? second.entry.sizeBytes);
  if (!Number.isSafeInteger(size) || size < 0) throw damaged("a size in it is no number");
  return { ...second.entry, name: records.get("path") ?? second.entry.name, sizeBytes: size };
}

async function headerBlock(reader: ByteReader): Promise<{ entry: TarEntry; type: string } | undefined> {
  const header = await reader.exactly(BLOCK);
  if (header.every((byte) => byte === 0)) return undefined;
  if (header.toString("latin1", 257, 263) !== "ustar\0" || octalAt(header, 148, 8) !== checksum(header)) throw damaged("its inside is not an archive");
  const type = header.toString("latin1", 156, 157);
  if (!["0", "5", "x"].includes(type)) throw damaged(`it has an entry of type ${JSON.stringify(type)}, which is no file and no folder`);
  const end = header.indexOf(0);
  const isExecutable = (octalAt(header, 100, 8) & 0o100) !== 0;
  const name = textOf(header.subarray(0, Math.min(end, 100)));
  return { type, entry: { name, kind: type === "5" ? "folder" : "file", sizeBytes: octalAt(header, 124, 12), isExecutable } };
}

function octalAt(header: Buffer, at: number, length: number): number {
  const text = header.toString("latin1", at, at + length).replaceAll(/(?<![\0 ])[\0 ]+$/g, "");
  if (!/^[0-7]+$/.test(text)) throw damaged("a number in it cannot be read");
  return Number.parseInt(text, 8);
}

function paxRecords(bytes: Buffer): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length;) {
    const length = Number(/^\d{1,6}(?= )/.exec(bytes.toString("latin1", at, at + 7))?.[0]);
    const record = Number.isInteger(length) && length > 0 ? textOf(bytes.subarray(at, at + length)) : "";
    const found = /^\d+ ([a-z]+)=([^]*)\n$/.exec(record);
    if (!found) throw damaged("a long name in it cannot be read");
    records.set(found[1]!, found[2]!);
    at += length;
  }
  return records;
}

function textOf(bytes: Buffer): string {
  const text = bytes.toString("utf8");
  if (Buffer.from(text).equals(bytes)) return text;
  throw damaged("a name in it is not UTF-8");
}

/** Cuts a stream of chunks where it is asked to. */
class ByteReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** At least one byte, `most` at most. */
  async some(most: number): Promise<Buffer> {
    while (this.#rest.length === 0) {
      const next = await this.#chunks.next();
      if (next.done) throw damaged("it ends too soon");
      this.#rest = next.value;
    }
    const piece = this.#rest.subarray(0, most);
    this.#rest = this.#rest.subarray(piece.length);
    return piece;
  }

  async exactly(length: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for (let left = length; left > 0;) {
      const piece = await this.some(left);
      left -= piece.length;
      pieces.push(piece);
    }
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
  }

  /** Nothing but zeros may follow; and only at the end does a decompressor say that all was well. */
  async toEnd(): Promise<void> {
    for (let next = this.#rest; ;) {
      if (next.some((byte) => byte !== 0)) throw damaged("there is more after its end");
      const read = await this.#chunks.next();
      if (read.done) return;
      next = read.value;
    }
  }
}

export const damaged = (what: string, cause?: unknown): LoopError =>
  new LoopError("backup_invalid", `This is no whole backup: ${what}. Nothing was restored. Use another copy of the file, or an older backup.`, { cause });
