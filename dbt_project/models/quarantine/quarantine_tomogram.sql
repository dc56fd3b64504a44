{{ quarantine_masked('tomogram') }}
