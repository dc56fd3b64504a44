{# A delivery that is judged again gets new quarantined rows; what became of the old ones is kept, by delivery and row
   number. Call `keep_settled` before the old ones are deleted and `put_settled_back` after the new ones are written. #}
{% macro keep_settled(entity) %}
    create temporary table kept on commit drop as
    select q.*, d.in_history as was_in_history
    from quarantine.{{ entity }} as q
    join ledger.judging as d using (delivery_id)
    where (d.in_history or q.status = 'discarded')
        and q.raw is distinct from '{}'::jsonb;  -- what an erasure left; the next step puts it back
    analyze kept;
{% endmacro %}


{# Bad again: released, superseded and discarded rows stay so. Good now: the row is in history, and what it was stays as a
   record, `replayed`; but a row that a person discarded stays out of history. #}
{% macro put_settled_back(entity, relation) %}
    {%- set columns = [
        'delivery_id', 'feed', 'row_number', 'line_number', 'kind', entity ~ '_id', 'raw', 'raw_bytes', 'raw_length',
        'byte_offset', 'reasons', 'run', 'quarantined_at', 'severity', 'responsible'
    ] -%}
    update quarantine.{{ entity }} as q
    set
        quarantined_at = kept.quarantined_at,
        status = case when kept.status = 'replayed' then 'open' else kept.status end,
        settled_at = case when kept.status <> 'replayed' then kept.settled_at end,
        settled_by = case when kept.status <> 'replayed' then kept.settled_by end,
        settled_why = case when kept.status <> 'replayed' then kept.settled_why end,
        settled_run = case when kept.status <> 'replayed' then kept.settled_run end
    from kept
    where kept.delivery_id = q.delivery_id and kept.row_number = q.row_number;

    create temporary table good_now on commit drop as
    select kept.*
    from kept
    where not exists (
        select from quarantine.{{ entity }} as q
        where q.delivery_id = kept.delivery_id and q.row_number = kept.row_number
    ) and not exists (
        select from ledger.skipped where skipped.delivery_id = kept.delivery_id and skipped.row_number = kept.row_number
    );

    with taken_out as (
        delete from {{ relation }} as judged
        using kept
        where kept.status = 'discarded'
            and judged._delivery_id = kept.delivery_id
            and judged._row_number = kept.row_number
        returning judged._delivery_id as delivery_id
    ),

    counted as (
        select delivery_id, count(*) as rows from taken_out group by 1
    ),

    not_told_any_more as (  -- such a row may stand in the difference
        delete from ledger.differences using counted where differences.delivery_id = counted.delivery_id
    )

    update ledger.row_accounts as account
    set quarantined = account.quarantined + counted.rows, good = account.good - counted.rows
    from counted
    where account.delivery_id = counted.delivery_id;

    insert into quarantine.{{ entity }}
        ({{ columns | join(', ') }}, status, settled_at, settled_by, settled_why, settled_run)
    select
        {{ columns | join(', ') }},
        case when status in ('discarded', 'replayed') then status else 'replayed' end,
        case when status in ('discarded', 'replayed') then settled_at else clock_timestamp() end,
        case when status in ('discarded', 'replayed') then settled_by else 'run' end,
        case when status in ('discarded', 'replayed') then settled_why else 'judged again, and good' end,
        case
            when status in ('discarded', 'replayed') then settled_run
            else nullif(current_setting('sluice.run', true), '')::bigint
        end
    from good_now
{% endmacro %}


{# In a trial (the session's setting sluice.trial) the judgement ends here with an error that holds the counts: nothing of
   it is committed. #}
{% macro tell_if_trial(entity) %}
    {%- if run_query("select coalesce(current_setting('sluice.trial', true), '') = 'on'").rows[0][0] -%}
        {%- set counts = run_query(
            "select json_build_object('good', (select count(*) from good_now where status <> 'discarded'),"
            " 'bad', (select count(*) from quarantine." ~ entity ~ " as q join kept using (delivery_id, row_number)"
            " join ledger.judging using (delivery_id) where q.status in ('open', 'superseded')),"
            " 'newly_bad', (select count(*) from quarantine." ~ entity ~ " as q join ledger.judging using (delivery_id)"
            " where not exists (select from kept where kept.delivery_id = q.delivery_id"
            " and kept.row_number = q.row_number)))::text"
        ).rows[0][0] -%}
        {%- do exceptions.raise_compiler_error('sluice trial: ' ~ counts) -%}
    {%- endif -%}
{% endmacro %}
