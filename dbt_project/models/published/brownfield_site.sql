{{ published('brownfield_site') }}
