{{ quarantine_masked('thing') }}
