{{ quarantine_masked('resource_feedback') }}
