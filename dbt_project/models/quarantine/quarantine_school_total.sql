{{ quarantine_masked('school_total') }}
