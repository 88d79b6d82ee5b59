import { type Kysely, sql } from "kysely";

/** Events are appended in one round trip, and neither decisions nor merges are searched for in all that there are. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    -- Set before the branch can move to it: only such an entry may be in the branch already.
    alter table merges add column claimed boolean not null default false;
    create index decisions_by_subject on decisions (project_id, action, subject_id);

    -- Appends those of the events (key, type, subject, data) whose key is new, and answers how many were. The lock on the
    -- project's row gives them sequences without gaps.
    create function append_events(wanted text, workflow text, run text, given jsonb) returns integer
    language plpgsql as $$
    declare
      fresh jsonb;
      last integer;
    begin
      perform from projects where id = wanted for update;
      if not found then
        raise exception 'project % is not there', wanted using errcode = 'no_data_found';
      end if;
      select jsonb_agg(event order by position) into fresh
        from jsonb_array_elements(given) with ordinality as list (event, position)
        where not exists (select from events where events.project_id = wanted and events.key = event ->> 'key');
      if fresh is null then
        return 0;
      end if;
      update projects set event_sequence = event_sequence + jsonb_array_length(fresh), updated_at = now()
        where id = wanted returning event_sequence into last;
      insert into events (project_id, sequence, key, type, subject, data, workflow_id, run_id)
        select wanted, last - jsonb_array_length(fresh) + position, event ->> 'key', event ->> 'type',
               event ->> 'subject', event -> 'data', workflow, run
        from jsonb_array_elements(fresh) with ordinality as list (event, position);
      perform pg_notify('kamachiq_events', wanted);
      return jsonb_array_length(fresh);
    end $$;

    -- Reserves what every scope has left, at most tokens_max; answers what is reserved, or, when that is less than
    -- tokens_min, -1 less what is left; null when a budget row is missing. Again: the first answer.
    create function reserve_tokens(
      wanted text, deliverable text, task text, number integer, scopes text[], tokens_min bigint, tokens_max bigint
    ) returns bigint
    language plpgsql as $$
    declare
      amount bigint;
      found_scopes integer;
    begin
      perform from projects where id = wanted for update;
      select tokens into amount from ledger
        where project_id = wanted and deliverable_id = deliverable and task_id = task and attempt = number and entry = 'reserve';
      if found then
        return amount;
      end if;
      select count(*), min(tokens_limit - tokens_reserved - tokens_spent) into found_scopes, amount
        from (select * from budgets where project_id = wanted and scope = any (scopes) order by scope for update) as open;
      if found_scopes < cardinality(scopes) then
        return null;
      end if;
      if least(amount, tokens_max) < tokens_min then
        return -1 - greatest(amount, 0);
      end if;
      amount := least(amount, tokens_max);
      insert into ledger (project_id, deliverable_id, task_id, attempt, entry, tokens)
        values (wanted, deliverable, task, number, 'reserve', amount);
      update budgets set tokens_reserved = tokens_reserved + amount where project_id = wanted and scope = any (scopes);
      return amount;
    end $$;

    -- Turns a reservation into what was used. False: it was done before. An attempt without a reservation is an error.
    create function settle_tokens(
      wanted text, deliverable text, task text, number integer, scopes text[], used bigint, money numeric, origin text
    ) returns boolean
    language plpgsql as $$
    declare
      reserved bigint;
    begin
      insert into ledger (project_id, deliverable_id, task_id, attempt, entry, tokens, usd, source)
        values (wanted, deliverable, task, number, 'settle', used, money, origin)
        on conflict do nothing;
      if not found then
        return false;
      end if;
      select tokens into strict reserved from ledger
        where project_id = wanted and deliverable_id = deliverable and task_id = task and attempt = number and entry = 'reserve';
      update budgets set tokens_reserved = tokens_reserved - reserved, tokens_spent = tokens_spent + used
        where project_id = wanted and scope = any (scopes);
      return true;
    end $$;
  `.execute(db);
}
