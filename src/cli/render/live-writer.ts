import { plain } from "#src/kernel/plain.ts";
import type { LiveShape } from "../client/shapes.ts";
import type { Context } from "../verb.ts";

const BAR = "  | ";

/** Writes what models are saying piece by piece, and whole lines between: a line never stands in the middle of a text. */
export function liveWriter({ json, print, type }: Pick<Context, "json" | "print" | "type">) {
  /** The act whose text the last line on the page is. */
  let open: string | undefined;
  const close = (): void => {
    if (open !== undefined) type("\n");
    open = undefined;
  };
  return {
    line(text: string): void {
      close();
      print(text);
    },
    live(piece: LiveShape): void {
      if (json) return print(JSON.stringify({ live: piece }));
      if (piece.ends || piece.text === undefined) return open === piece.act ? close() : undefined;
      if (open !== piece.act || piece.begins) {
        close();
        type(BAR);
      }
      open = piece.act;
      type(plain(piece.text).replaceAll("\n", `\n${BAR}`));
    },
  };
}
