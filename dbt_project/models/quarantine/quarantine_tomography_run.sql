{{ quarantine_masked('tomography_run') }}
