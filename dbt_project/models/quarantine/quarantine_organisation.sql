{{ quarantine_masked('organisation') }}
