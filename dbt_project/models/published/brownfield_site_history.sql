{{ published('brownfield_site', history=true) }}
