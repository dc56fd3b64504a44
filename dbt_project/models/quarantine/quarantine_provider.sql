{{ quarantine_masked('provider') }}
