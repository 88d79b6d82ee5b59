// Hostile commands inside the real sandbox: each tries to get out or to take too much, and is told no.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createBubblewrapSandbox } from "../src/adapters/sandbox-bubblewrap.ts";
import { createNoSandbox } from "../src/adapters/sandbox-none.ts";
import type { Sandbox, SandboxCommand, SandboxResult } from "../src/ports/sandbox.ts";
import { reviewTools } from "./support/review-tools.ts";

const { bubblewrap, python } = await reviewTools();
const folder = mkdtempSync(join(tmpdir(), "sandbox-"));
const workspace = join(folder, "workspace");
const sandbox = createBubblewrapSandbox({ bubblewrap: bubblewrap ?? "bwrap" });
mkdirSync(workspace);

const sh = (script: string, more: Partial<SandboxCommand> = {}): Promise<SandboxResult> =>
  sandbox.run({ argv: ["/bin/sh", "-c", script], workspace, ...more });
const py = (script: string, more: Partial<SandboxCommand> = {}): Promise<SandboxResult> =>
  sandbox.run({
    argv: ["python", "-c", script],
    workspace,
    readOnlyPaths: python.readOnlyPaths,
    binPaths: [python.bin],
    ...more,
  });

beforeAll(() => sandbox.check());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the bubblewrap sandbox", () => {
  it("gives a command its workspace, its input and its exit code", async () => {
    mkdirSync(join(workspace, "sub"), { recursive: true });
    const result = await sh("cat > made; pwd; exit 3", { stdin: "hello", cwd: "sub" });
    expect(result).toMatchObject({ exit_code: 3, stdout: "/workspace/sub\n", stderr: "", limit: null });
    expect(readFileSync(join(workspace, "sub/made"), "utf8")).toBe("hello");
  });

  it("shows nothing of our environment, home, accounts or processes", async () => {
    process.env["KAMACHIQ_TEST_SECRET"] = "s3cret";
    const result = await sh(
      "env; ls /root /home 2>&1; cat /etc/passwd /etc/shadow 2>&1; cat /proc/[0-9]*/environ; ls /proc",
    );
    delete process.env["KAMACHIQ_TEST_SECRET"];
    expect(result.stdout).not.toContain("s3cret");
    expect(result.stdout).toMatch(/^HOME=\/tmp$/m);
    expect(result.stdout).toMatch(/shadow: No such file/);
    expect(result.stdout.split("\n").filter((line) => /^\d+$/.test(line)).length).toBeLessThan(8);
  });

  it("has no network, not even the host's loopback", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    const result = await py(`import socket; socket.create_connection(("127.0.0.1", ${port}), 2)`);
    const dns = await py(`import socket; socket.getaddrinfo("example.org", 80)`);
    server.close();
    expect(result.stderr).toMatch(/ConnectionRefusedError|Network is unreachable/);
    expect(dns.exit_code).toBe(1);
  });

  it("writes nowhere but to its workspace and its own /tmp", async () => {
    const places = ["/", "/usr", "/usr/bin", "/etc", "/bin", "/dev", "/proc", python.bin];
    const result = await sh(
      places.map((place) => `touch ${place}/x 2>&1 && echo WROTE ${place};`).join(" ") + "touch /tmp/x",
      {
        readOnlyPaths: python.readOnlyPaths,
      },
    );
    expect(result.stdout).not.toContain("WROTE");
    expect(result.exit_code).toBe(0);
    const closed = await sh("touch x", { readOnly: true });
    expect(closed.stderr).toMatch(/Read-only file system/);
  });

  it("can't change the kernel's settings, even when root started it", async () => {
    // Writes back what is there, so that a hole in the sandbox does no harm.
    const result = await sh(
      'f=/proc/sys/kernel/core_pattern; v=$(cat $f); echo "$v" > $f && echo WROTE; test -w /proc/sysrq-trigger && echo TRIGGER',
    );
    expect(result.stdout).toBe("");
  });

  it("can't mount, make user namespaces or trace", async () => {
    const result = await sh(
      "mount -t tmpfs x /tmp 2>&1 && echo MOUNTED; unshare -U true 2>&1 && echo UNSHARED; grep CapEff /proc/self/status",
    );
    expect(result.stdout).not.toMatch(/MOUNTED|UNSHARED/);
    expect(result.stdout).toContain("0000000000000000");
  });

  it("follows no link out of the workspace, and takes none as a workspace", async () => {
    writeFileSync(join(folder, "secret"), "outside");
    symlinkSync(join(folder, "secret"), join(workspace, "link"));
    expect((await sh("cat link; echo x > link")).stdout).toBe("");
    expect(readFileSync(join(folder, "secret"), "utf8")).toBe("outside");
    symlinkSync("/usr", join(folder, "linked"));
    await expect(sh("true", { workspace: join(folder, "linked") })).rejects.toThrow(/not a folder of its own/);
    await expect(sh("true", { workspace: "relative" })).rejects.toThrow(/not a folder of its own/);
    await expect(sh("true", { cwd: "../.." })).rejects.toThrow(/outside the workspace/);
  });

  it("covers .git, be it a folder or a file", async () => {
    for (const kind of ["folder", "file"]) {
      const tree = join(folder, `git-${kind}`);
      mkdirSync(tree);
      if (kind === "file") writeFileSync(join(tree, ".git"), "gitdir: /secret");
      else mkdirSync(join(tree, ".git/hooks"), { recursive: true });
      const result = await sh("cat .git; ls .git; touch .git/hooks/x .git/x; echo evil > .git; rm -rf .git", {
        workspace: tree,
      });
      expect(result.stdout).not.toContain("secret");
      expect(existsSync(join(tree, ".git"))).toBe(true);
      expect(existsSync(join(tree, ".git/x"))).toBe(false);
      if (kind === "file") expect(readFileSync(join(tree, ".git"), "utf8")).toBe("gitdir: /secret");
    }
  });

  it("ends a command at its time, with all that it started", async () => {
    const result = await sh("(setsid sleep 300 &) ; setsid sh -c 'sleep 300' & sleep 300", {
      limits: { wall_ms: 300 },
    });
    expect(result).toMatchObject({ exit_code: null, limit: "wall_ms" });
    expect(result.duration_ms).toBeLessThan(2_000);
  });

  it("leaves no orphan of a command that ended well", async () => {
    const mark = join(workspace, "alive");
    await sh("(setsid sh -c 'while :; do date +%N > alive; sleep 0.05; done' >/dev/null 2>&1 &); sleep 0.2");
    const then = readFileSync(mark, "utf8");
    await sleep(300);
    expect(readFileSync(mark, "utf8")).toBe(then);
  });

  it("stops when it is aborted", async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 100);
    const result = await sh("sleep 60", { signal: controller.signal });
    expect(result.exit_code).toBeNull();
  });

  it("bounds a fork bomb", async () => {
    const result = await sh("f() { f | f & }; f; sleep 1; echo survived", {
      limits: { processes: 40, wall_ms: 3_000 },
    });
    expect(result.stderr).toMatch(/[Cc]annot fork|Resource temporarily unavailable/);
  });

  it("bounds memory, files and /tmp", async () => {
    const memory = await py("x = bytearray(800 << 20)", { limits: { memory_bytes: 400 * 1024 ** 2 } });
    expect(memory.stderr).toContain("MemoryError");
    const file = await sh("head -c 20000000 /dev/zero > big; stat -c %s big", { limits: { file_bytes: 1024 ** 2 } });
    expect(Number(file.stdout)).toBe(1024 ** 2);
    const tmp = await sh("head -c 600000000 /dev/zero > /tmp/a; head -c 600000000 /dev/zero > /dev/shm/a", {
      limits: { file_bytes: 1024 ** 3 },
    });
    expect(tmp.stderr.match(/No space left/g)).toHaveLength(2);
  });

  it("bounds output, keeping its start and its end", async () => {
    const kept = await sh("echo start; head -c 3000000 /dev/zero | tr '\\0' x; echo end", {
      limits: { output_bytes: 1_000 },
    });
    expect(kept.stdout.length).toBeLessThan(1_200);
    expect(kept.stdout).toMatch(/^start\n[^]*end\n$/);
    const flood = await sh("yes", { limits: { wall_ms: 30_000 } });
    expect(flood).toMatchObject({ exit_code: null, limit: "output_bytes" });
  });

  it("says how to get bubblewrap where there is none", async () => {
    const missing = createBubblewrapSandbox({ bubblewrap: join(folder, "nowhere/bwrap") });
    await expect(missing.check()).rejects.toMatchObject({
      component: "bubblewrap",
      remedy: expect.stringContaining("apt install"),
    });
  });

  it("takes a command's word for no failure of its own", async () => {
    const result = await sh("echo 'bwrap: no permission' >&2; exit 1");
    expect(result).toMatchObject({ exit_code: 1, stderr: "bwrap: no permission\n" });
  });
});

describe("no sandbox", () => {
  it("has the same environment and limits, and says what it is", async () => {
    const none: Sandbox = createNoSandbox();
    expect(none.kind).toBe("none");
    process.env["KAMACHIQ_TEST_SECRET"] = "s3cret";
    const result = await none.run({ argv: ["/bin/sh", "-c", "env; pwd; (setsid sleep 300 &); exit 4"], workspace });
    delete process.env["KAMACHIQ_TEST_SECRET"];
    expect(result.stdout).not.toContain("s3cret");
    expect(result.stdout).toContain(none.inside(workspace));
    expect(result.exit_code).toBe(4);
    const late = await none.run({ argv: ["sleep", "60"], workspace, limits: { wall_ms: 100 } });
    expect(late.limit).toBe("wall_ms");
  });
});
