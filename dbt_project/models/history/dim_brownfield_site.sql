{{ masked('brownfield_site') }}
