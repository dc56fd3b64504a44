{{ quarantine_masked('place') }}
