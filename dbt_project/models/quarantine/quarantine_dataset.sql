{{ quarantine_masked('dataset') }}
