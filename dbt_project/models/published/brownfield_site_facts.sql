{{ published_facts('brownfield_site') }}
