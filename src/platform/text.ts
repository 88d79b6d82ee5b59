// Terminal escapes and other control characters in foreign text can move a reader's cursor, set titles or write a clipboard.
const CONTROL =
  // oxlint-disable-next-line no-control-regex -- they are what it finds
  /\u001b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-_])|[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** Text from outside, safe to print: escapes and control characters removed, new lines and tabs kept. */
export function printable(text: string): string {
  return text.replaceAll("\r\n", "\n").replaceAll(CONTROL, "");
}

/** At most `max` characters, with the middle left out. */
export function excerpt(text: string, max: number): string {
  if (text.length <= max) return text;
  const half = Math.floor((max - 20) / 2);
  return `${text.slice(0, half)}\n… left out …\n${text.slice(-half)}`;
}
