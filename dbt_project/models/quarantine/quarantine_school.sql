{{ quarantine_masked('school') }}
