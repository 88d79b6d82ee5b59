import { createHash, timingSafeEqual } from "node:crypto";
import type { MiddlewareHandler } from "hono";
import { KamachiqError } from "../domain/errors.ts";
import type { Principal, Role } from "./deps.ts";

/** What requests carry once they have passed the middlewares. */
export interface ApiEnv {
  Variables: { principal: Principal };
}

/** Finds out who calls by bearer token; everyone else gets 401. */
export function authenticate(principals: readonly Principal[]): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const token = /^Bearer ([\x21-\x7e]{16,512})$/i.exec(c.req.header("authorization") ?? "")?.[1];
    const principal = token === undefined ? undefined : findPrincipal(principals, token);
    if (principal === undefined) {
      throw new KamachiqError("Who are you? A valid bearer token is needed.", {
        code: "unauthenticated",
        remedy: "Send `Authorization: Bearer …` with a token of this installation; the command line does so by itself.",
        status: 401,
        exit_code: 2,
      });
    }
    c.set("principal", principal);
    await next();
  };
}

/** Compares with every principal, in constant time, so that the time taken tells nothing. */
function findPrincipal(principals: readonly Principal[], token: string): Principal | undefined {
  const digest = createHash("sha256").update(token).digest();
  let found: Principal | undefined;
  for (const principal of principals) {
    const known = Buffer.from(principal.token_digest, "hex");
    if (known.length === digest.length && timingSafeEqual(known, digest)) found = principal;
  }
  return found;
}

/** Lets through whoever has the role; an admin has all of them. */
export function requireRole(role: Role): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const { name, roles } = c.var.principal;
    if (!roles.includes(role) && !roles.includes("admin")) {
      throw new KamachiqError(`This needs the role "${role}", and ${name} has ${roles.join(", ") || "none"}.`, {
        code: "forbidden",
        remedy: `Use a principal with that role: --as ${role}.`,
        status: 403,
        exit_code: 2,
      });
    }
    await next();
  };
}

/** Refuses foreign Host headers: a web page can make a browser call loopback, but not under our names. */
export function checkHost(hosts: readonly string[] | null): MiddlewareHandler {
  return async (c, next) => {
    if (hosts !== null) {
      const name = (c.req.header("host") ?? "").replace(/:\d{1,5}$/, "").toLowerCase();
      if (!hosts.includes(name)) {
        throw new KamachiqError("This server does not answer under that name.", {
          code: "host_refused",
          remedy: `Names it answers under: ${hosts.join(", ")}.`,
          status: 421,
          exit_code: 2,
        });
      }
    }
    await next();
  };
}
