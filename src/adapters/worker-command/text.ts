import { stripVTControlCharacters } from "node:util";

/** Bytes of a terminal as a person reads them: without the codes that steer it, lines ended by \n. A character cut in half at the start is dropped. */
export function plainText(bytes: Buffer): string {
  let start = 0;
  while (start < Math.min(bytes.length, 3) && (bytes[start]! & 0xc0) === 0x80) start += 1;
  const text = new TextDecoder().decode(bytes.subarray(start));
  return (
    stripVTControlCharacters(text.replaceAll(STRINGS, ""))
      .replaceAll(/(?<!\r)\r+\n/g, "\n")
      .replaceAll("\r", "\n")
      // eslint-disable-next-line no-control-regex
      .replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "")
  );
}

/** Titles, links and pictures (OSC, DCS, PM, APC): up to their end, or to the end of what there is. */
// eslint-disable-next-line no-control-regex
const STRINGS = /\u001b[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\|$)/g;
