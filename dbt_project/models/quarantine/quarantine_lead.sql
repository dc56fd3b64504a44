{{ quarantine_masked('lead') }}
