{{ quarantine_masked('spelling') }}
