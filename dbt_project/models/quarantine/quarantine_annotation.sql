{{ quarantine_masked('annotation') }}
