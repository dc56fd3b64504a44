{{ published_best('brownfield_site') }}
