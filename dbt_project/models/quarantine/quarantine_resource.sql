{{ quarantine_masked('resource') }}
