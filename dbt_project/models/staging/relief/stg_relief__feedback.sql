with

files as (

    select * from {{ source('relief', 'feedback') }}

),

typed as (

    select
        files._delivery_id,
        files._row_number,
        files._line_number,
        cell.*,
        {{ parse_iso_time('cell.said_at') }} as given_at

    from files
    cross join lateral (
        select
            {{ clean('files.number') }} as feedback_id,
            {{ clean('files.source') }} as about_feed,
            {{ clean('files.record') }} as about_id,
            lower({{ clean('files.verdict') }}) as verdict,
            {{ clean('files.said_at') }} as said_at

        offset 0
    ) as cell

),

final as (

    select
        feedback_id,
        about_feed,
        about_id,
        verdict,
        given_at,
        {{ unparsed([('given_at', 'said_at', 'given_at')]) }} as _unparsed,
        _delivery_id,
        _row_number,
        _line_number

    from typed

)

select * from final
