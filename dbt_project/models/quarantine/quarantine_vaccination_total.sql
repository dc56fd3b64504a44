{{ quarantine_masked('vaccination_total') }}
