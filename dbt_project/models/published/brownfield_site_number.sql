{{ published_number('brownfield_site') }}
