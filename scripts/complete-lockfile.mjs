// Adds to package-lock.json the optional packages of other platforms that npm left out.
//
// When a registry or a mirror doesn't have such a package, npm writes a lock file without it, and `npm ci` then refuses
// that file on every machine ("Missing: … from lock file"). Run this after `npm install`, until `npm ci` accepts the file.
// An entry made here has no integrity hash: npm adds it when someone runs `npm install` where the package can be had.
import { readFileSync, writeFileSync } from "node:fs";

const path = new URL("../package-lock.json", import.meta.url);
const lock = JSON.parse(readFileSync(path, "utf8"));
const OS = [
  "android",
  "darwin",
  "freebsd",
  "linux",
  "netbsd",
  "openbsd",
  "openharmony",
  "sunos",
  "aix",
  "win32",
  "windows",
];
const CPU = ["arm64", "arm", "x64", "ia32", "ppc64", "s390x", "riscv64", "loong64", "mips64el", "wasm32"];

/** Where npm would look for `name` from the package at `from`. */
function isPresent(from, name) {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/node_modules/")))) {
    if (lock.packages[`${folder === "" ? "" : `${folder}/`}node_modules/${name}`] !== undefined) return true;
    if (folder === "") return false;
    if (!folder.includes("/node_modules/")) folder = "";
    if (folder === "") return lock.packages[`node_modules/${name}`] !== undefined;
  }
}

function entryOf(name, version) {
  const words = name.split(/[/-]/);
  const os = OS.find((word) => words.includes(word));
  const cpu = CPU.find((word) => words.includes(word));
  const libc = words.some((word) => word.startsWith("gnu"))
    ? "glibc"
    : words.some((word) => word.startsWith("musl"))
      ? "musl"
      : undefined;
  return {
    version,
    ...(cpu && { cpu: [cpu] }),
    ...(os === "linux" && libc && { libc: [libc] }),
    optional: true,
    ...(os && { os: [os === "windows" ? "win32" : os] }),
  };
}

const added = [];
for (const [from, { optionalDependencies = {}, peerDependencies = {} }] of Object.entries(lock.packages)) {
  for (const [name, range] of Object.entries(optionalDependencies)) {
    if (name in peerDependencies || isPresent(from, name)) continue;
    lock.packages[`node_modules/${name}`] = entryOf(name, range.replace(/^[\^~]/, ""));
    added.push(`${name}@${range}`);
  }
}
const byPath = (a, b) => a[0].localeCompare(b[0], "en");
lock.packages = Object.fromEntries(Object.entries(lock.packages).toSorted(byPath));
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
process.stdout.write(`${added.length} packages added\n${added.map((name) => `  ${name}\n`).join("")}`);
