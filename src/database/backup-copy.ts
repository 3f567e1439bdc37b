import { once } from "node:events";
import type pg from "pg";

/*
 * COPY over `pg`, which knows the messages and has no call for it. A statement that is submitted gets the messages of the connection until it is ready again.
 * Text format: exact for every type, readable by every version of Postgres.
 */

const BLOCK_BYTES = 4_194_304;
const BLOCKS_AHEAD = 2;

interface CopyConnection extends pg.Connection {
  sendCopyFromChunk(chunk: Uint8Array): void;
  endCopyFrom(): void;
  sendCopyFail(reason: string): void;
}

/** What `pg` calls on a statement of its own kind. */
abstract class CopyStatement implements pg.Submittable {
  protected connection: CopyConnection | undefined;
  protected failure: Error | undefined;
  protected ready = false;
  rows = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  submit(connection: pg.Connection): void {
    this.connection = connection as CopyConnection;
    connection.query(this.#text);
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    this.rows = Number(/^COPY (\d+)$/.exec(text)?.[1] ?? 0);
  }

  handleError(error: Error): void {
    this.failure ??= error;
    if (!this.connection?.stream.readable) this.handleReadyForQuery(); // a connection that is gone will not say that it is ready
  }

  handleReadyForQuery(): void {
    this.ready = true;
    this.changed();
  }

  handleEmptyQuery(): void {
    this.failure = new Error("an empty statement was given to COPY");
  }

  protected abstract changed(): void;
}

class CopyOut extends CopyStatement {
  readonly blocks: Buffer[] = [];
  #open = Buffer.allocUnsafe(BLOCK_BYTES);
  #filled = 0;
  #news = Promise.withResolvers<void>();

  /** The message is part of a buffer that is used again, so it is copied. One message is one row. */
  handleCopyData({ chunk }: { readonly chunk: Buffer }): void {
    if (chunk.length > BLOCK_BYTES - this.#filled) this.#close();
    if (chunk.length > BLOCK_BYTES) this.blocks.push(Buffer.from(chunk));
    else {
      this.#open.set(chunk, this.#filled);
      this.#filled += chunk.length;
    }
    if (this.blocks.length >= BLOCKS_AHEAD) this.connection!.stream.pause();
    if (this.blocks.length > 0) this.changed();
  }

  override handleReadyForQuery(): void {
    this.#close();
    super.handleReadyForQuery();
  }

  /** The next whole rows, 4 MB at most unless one row is longer; undefined when there are no more. */
  async next(): Promise<Buffer | undefined> {
    while (this.blocks.length === 0 && !this.ready) {
      this.connection?.stream.resume();
      await this.#news.promise;
      this.#news = Promise.withResolvers();
    }
    if (this.failure) throw this.failure;
    return this.blocks.shift();
  }

  protected override changed(): void {
    this.#news.resolve();
  }

  #close(): void {
    if (this.#filled === 0) return;
    this.blocks.push(this.#open.subarray(0, this.#filled));
    this.#open = Buffer.allocUnsafe(BLOCK_BYTES);
    this.#filled = 0;
  }
}

/** Gives the rows as they come, in blocks of whole rows, and their number at the end. The server waits while the blocks are not taken. `text`: `copy … to stdout`. */
export async function* copyOut(client: pg.Client, text: string): AsyncGenerator<Buffer, number> {
  const statement = client.query(new CopyOut(text));
  for (let block = await statement.next(); block; block = await statement.next()) yield block;
  return statement.rows;
}

class CopyIn extends CopyStatement {
  readonly #opened = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();

  handleCopyInResponse(): void {
    this.#opened.resolve();
  }

  /** @throws what the server said about an earlier row */
  async write(rows: Buffer): Promise<void> {
    await this.#opened.promise;
    if (this.failure) throw this.failure;
    this.connection!.sendCopyFromChunk(rows);
    if (this.connection!.stream.writableNeedDrain) await Promise.race([once(this.connection!.stream, "drain"), this.#ended.promise]);
  }

  /** Gives the number of rows. */
  async end(): Promise<number> {
    await this.#opened.promise;
    if (!this.failure) this.connection!.endCopyFrom();
    await this.#ended.promise;
    if (this.failure) throw this.failure;
    return this.rows;
  }

  /** Takes nothing of what was written; the connection can be used again. */
  async fail(reason: string): Promise<void> {
    await this.#opened.promise;
    if (!this.ready) this.connection!.sendCopyFail(reason);
    await this.#ended.promise;
  }

  protected override changed(): void {
    this.#opened.resolve();
    this.#ended.resolve();
  }
}

/** Takes rows as {@link copyOut} gives them, cut anywhere; gives their number. `text`: `copy … from stdin`. */
export async function copyIn(client: pg.Client, text: string, rows: AsyncIterable<Buffer>): Promise<number> {
  const statement = client.query(new CopyIn(text));
  try {
    for await (const piece of rows) await statement.write(piece);
  } catch (error) {
    await statement.fail("the rows broke off");
    throw error;
  }
  return statement.end();
}
