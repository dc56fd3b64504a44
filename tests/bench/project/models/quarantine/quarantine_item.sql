{{ quarantine_masked('item') }}
