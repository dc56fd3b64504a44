{{ quarantine_masked('counting_rule') }}
