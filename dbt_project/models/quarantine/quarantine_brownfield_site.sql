{{ quarantine_masked('brownfield_site') }}
