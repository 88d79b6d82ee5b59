/**
 * Whether two file claims can mean the same file. In a claim `*` and `?` stand for text within a path component and
 * `**` for any components; a folder owns what is below it. Takes time by the product of the lengths.
 */
export function claimsOverlap(a: string, b: string): boolean {
  const fits = (x: string, y: string): boolean => x === y || x === "?" || y === "?";
  return meet(componentsOf(a), componentsOf(b), isDeep, isDeep, (x, y) => meet(x, y, isStar, isStar, fits));
}

/** Whether a claim covers this very path; nothing in the path stands for anything else. */
export function claimCovers(claim: string, path: string): boolean {
  const nothing = (): boolean => false;
  const fits = (x: string, y: string): boolean => x === y || x === "?";
  return meet(componentsOf(claim), path.split("/"), isDeep, nothing, (x, y) => meet(x, y, isStar, nothing, fits));
}

/** The part of a claim before the first component with a wildcard; the whole of it when it has none. */
export function claimRoot(claim: string): { root: string; exact: boolean } {
  const components = componentsOf(claim).slice(0, -1);
  const wild = components.findIndex((component) => /[*?]/.test(component));
  return { root: (wild === -1 ? components : components.slice(0, wild)).join("/"), exact: wild === -1 };
}

/** Whether a path is relative, stays below its start and names no git folder. */
export function isPlainPath(path: string): boolean {
  // oxlint-disable-next-line no-control-regex -- they are what it finds
  if (path === "" || path.startsWith("/") || /[\\:\u0000-\u001f\u007f]/.test(path)) return false;
  return path.split("/").every((part) => part !== "" && part !== "." && part !== ".." && part.toLowerCase() !== ".git");
}

/** With a last `**`, which also fits nothing: a claim of a folder and one of a file look the same. */
function componentsOf(claim: string): string[] {
  return [...claim.replace(/\/+$/, "").split("/"), "**"];
}

const isDeep = (component: string): boolean => component === "**";
const isStar = (character: string): boolean => character === "*";

/** Whether some sequence fits both patterns; a wild item fits any run of items, also none. */
function meet(
  a: ArrayLike<string>,
  b: ArrayLike<string>,
  wildA: (item: string) => boolean,
  wildB: (item: string) => boolean,
  fits: (x: string, y: string) => boolean,
): boolean {
  // reach[j]: the first i items of a and the first j of b can be met by one sequence
  let reach: boolean[] = [true];
  for (let j = 1; j <= b.length; j += 1) reach.push((reach[j - 1] ?? false) && wildB(b[j - 1] ?? ""));
  for (let i = 1; i <= a.length; i += 1) {
    const x = a[i - 1] ?? "";
    const next = [(reach[0] ?? false) && wildA(x)];
    for (let j = 1; j <= b.length; j += 1) {
      const y = b[j - 1] ?? "";
      const skipped = (wildA(x) || wildB(y)) && ((reach[j] ?? false) || (next[j - 1] ?? false));
      next.push(skipped || ((reach[j - 1] ?? false) && (wildA(x) || wildB(y) || fits(x, y))));
    }
    reach = next;
  }
  return reach[b.length] ?? false;
}
