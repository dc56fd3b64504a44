with

datasets as (

    select * from {{ source('lamella', 'datasets') }}

),

cells as (

    select
        datasets._delivery_id,
        datasets._row_number,
        datasets._line_number,
        {{ clean('datasets.dataset_number') }} as dataset_number,
        {{ clean_line('datasets.title') }} as title,
        {{ clean('datasets.description') }} as description,
        {{ clean_line('datasets.organism') }} as organism,
        {{ clean('datasets.doi') }} as doi,
        {{ clean('datasets.release_date') }} as release_date,
        {{ clean_line("author.one ->> 'name'") }} as author_name,
        {{ clean("author.one ->> 'orcid'") }} as author_orcid,
        author.count as authors,
        author.other_wrong

    from datasets
    cross join lateral {{ leading_author('datasets.authors') }} as author

),

final as (

    select
        cells.dataset_number,
        cells.title,
        cells.description,
        cells.organism,
        value.doi,
        cells.author_name,
        value.author_orcid,
        cells.authors,
        value.release_date,
        {{ unparsed([
            ('doi', 'cells.doi', 'value.doi'),
            ('author_orcid', 'cells.author_orcid', 'value.author_orcid'),
            ('other_orcid', 'cells.other_wrong', 'null::text'),
            ('release_date', 'cells.release_date', 'value.release_date'),
        ]) }} as _unparsed,
        cells._delivery_id,
        cells._row_number,
        cells._line_number

    from cells
    cross join lateral (
        select
            {{ parse_doi('cells.doi') }} as doi,
            {{ parse_orcid('cells.author_orcid') }} as author_orcid,
            {{ parse_date('cells.release_date') }} as release_date

        offset 0
    ) as value

)

select * from final
